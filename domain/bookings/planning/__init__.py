"""The plan: whether there is room for one booking more, and what is done when a place is lost."""
