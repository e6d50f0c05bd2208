"""What another back end (CSMS) asks of stations: what it explains, and what became of it. Pure."""
