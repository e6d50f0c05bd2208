"""The database engine: transactions, pools, statements for SQLite and PostgreSQL."""
