"""What an operator rules about bookings, how it is written, what it means, and what it says."""
