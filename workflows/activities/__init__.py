"""The worker's activities on the fleet's database."""
