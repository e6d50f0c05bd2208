"""The explanation of a command: all of ExplainCommand behind its servicer."""
