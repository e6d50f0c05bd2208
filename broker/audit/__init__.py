"""Who changed what: audit entries are written, and shown."""
