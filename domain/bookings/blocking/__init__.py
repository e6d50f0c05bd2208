"""What is done where an EVSE is not to be had: somebody charges there, or a hold is refused."""
