"""What is known about a command, and what a station's messages mean for it. No I/O."""
