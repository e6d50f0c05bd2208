"""The calls of workflows to activities, with every timeout and retry written out."""
