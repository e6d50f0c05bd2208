"""Posts commands' news to their receivers: convert, sign, post; and the service about it."""
