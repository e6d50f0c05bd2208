"""Prints docs/states.md from the code's tables."""
