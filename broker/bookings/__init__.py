"""What the methods of BookingService do: one file for each kind of thing."""
