"""What another back end (CSMS) asked of the stations that are relayed to it."""
