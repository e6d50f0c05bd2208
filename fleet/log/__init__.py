"""The event log: commands, reservations, notes, and the news of it."""
