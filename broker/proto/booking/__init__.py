"""Messages of bookings: requests checked and read, rows shown. Pure."""
