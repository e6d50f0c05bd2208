"""Reading the event log: pages, watches, and waiting for a command."""
