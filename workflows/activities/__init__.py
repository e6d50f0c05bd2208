"""The worker's activities: reads and writes of the fleet's database, all of them local."""
