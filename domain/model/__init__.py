"""What a command is: its dataclasses, its states and how it can end. A leaf: rules import it."""
