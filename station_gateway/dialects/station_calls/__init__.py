"""The CALLs of a station: how their payloads are read, and how they are answered."""
