"""What is done about somebody else who charges where a booking's driver should."""
