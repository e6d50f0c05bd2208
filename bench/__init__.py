"""`make bench`: what the project claims about its speed, measured in one run on one machine."""
