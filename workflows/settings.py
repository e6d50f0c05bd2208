"""The settings of a worker process."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WorkerSettings:
    """How much one worker does at once, and how it behaves when it stops.

    max_cached_workflows: commands kept in memory between their events; the rest is replayed.
    max_workflow_tasks: decisions made at the same time.
    max_local_activities: reads and writes of the fleet at the same time.
    sticky_timeout_s: how long a decision waits for the worker that has the command in its cache;
        Temporal's default of 10 s is how long everything would stall after a worker was killed.
    graceful_shutdown_s: how long work in hand may take when the worker is asked to stop.
    """

    max_cached_workflows: int = 2_000
    max_workflow_tasks: int = 100
    max_local_activities: int = 100
    sticky_timeout_s: float = 2.0
    graceful_shutdown_s: float = 10.0
