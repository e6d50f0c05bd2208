"""What every process has: logs, traces, metrics, health, supervised tasks, watched certificates."""
