"""Reads the event log: pages, watches, and waiting for one command."""
