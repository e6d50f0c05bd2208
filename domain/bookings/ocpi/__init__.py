"""OCPI Bookings 1.1 (mod_bookings): its words and objects for ours, both ways. Pure."""
