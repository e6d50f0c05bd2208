"""Series of bookings: when they take place, and what became of each occurrence."""
