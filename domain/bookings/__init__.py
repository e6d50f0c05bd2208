"""Bookings: what a venue may promise, and the plan that stands behind each promise."""
