"""What happens in a charging station: EVSEs, sessions and reservations. Pure: no I/O, no clock."""
