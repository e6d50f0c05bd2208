"""What the processes write and read about commands and reservations in the fleet's database."""
