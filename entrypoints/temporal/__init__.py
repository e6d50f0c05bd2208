"""How a process finds, starts and reaches Temporal."""
