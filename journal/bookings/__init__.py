"""What the processes write and read about pools, policies and bookings."""
