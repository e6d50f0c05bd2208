"""The calls of workflows to activities: one function each, every timeout and retry written out."""
