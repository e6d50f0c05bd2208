"""What a reservation is, what the facts mean for it, and what is done next."""
