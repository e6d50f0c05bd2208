"""What standing between a station and its back end costs: time, memory, and a fleet's return."""
