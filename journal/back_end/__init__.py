"""What another back end (CSMS) asked of stations, as the domain sees it and the log tells it."""
