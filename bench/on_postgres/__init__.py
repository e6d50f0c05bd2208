"""What is measured on PostgreSQL: waiting, and cost, with a real Temporal server."""
