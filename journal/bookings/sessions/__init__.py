"""Sessions that belong to more than one booking."""
