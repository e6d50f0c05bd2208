"""What is known about a command: frames, sessions, restarts. Values only."""
