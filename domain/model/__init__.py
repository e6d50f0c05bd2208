"""What a command is: the dataclasses, how it can end, and how it may change."""
