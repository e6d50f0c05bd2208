"""Bookings: places of a pool that are promised for a time to come, by the rules of its operator."""
