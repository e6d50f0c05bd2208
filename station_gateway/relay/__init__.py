"""A gateway between a station and another back end (CSMS): it passes on, and records a copy."""
