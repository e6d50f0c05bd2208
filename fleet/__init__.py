"""What is known about the stations: a SQL database, one code path for SQLite and PostgreSQL."""
