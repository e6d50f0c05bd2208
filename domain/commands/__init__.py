"""What each command means: one file per command, and what they share."""
