"""The settings of a worker process."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class WorkerSettings:
    """How much one worker does at once, and how it behaves when it stops."""

    max_cached_workflows: int = field(
        default=2_000,
        metadata={"doc": "commands kept in memory between their events; the rest is replayed."},
    )
    max_workflow_tasks: int = field(
        default=24,
        metadata={
            "doc": (
                "decisions made at the same time. Each has ten seconds: when too many share slow "
                "cores, all take longer, and are made again. Two thirds of them may wait for the "
                "answers of stations; beyond that the one that has waited longest goes on over "
                "the gateway's task queue."
            )
        },
    )
    max_local_activities: int = field(
        default=100, metadata={"doc": "reads and writes of the fleet at the same time."}
    )
    max_polls: int = field(
        default=20,
        metadata={
            "doc": (
                "polls of Temporal that wait for decisions of new commands, and as many for those "
                "in memory; 5 of each are always open."
            )
        },
    )
    sandbox: bool = field(
        default=False,
        metadata={
            "doc": (
                "run each command in the SDK's sandbox, which refuses code that is not "
                "deterministic: for who changes the workflows. Costs about 10 ms of CPU a command."
            )
        },
    )
    versioning: bool = field(
        default=False,
        metadata={
            "doc": (
                "tell Temporal which build this worker is. It gets commands only while its build "
                "is current or ramping: see Worker Versioning in docs/operating.md."
            )
        },
    )
    direct_wait_s: float = field(
        default=1.5,
        metadata={
            "doc": (
                "how long a command's first decision waits for the station's answer over the "
                "gateway's direct line; 0: frames go over the gateway's task queue only."
            )
        },
    )
    line_certificate: str = field(
        default="",
        metadata={"doc": "PEM file that this worker shows to direct lines beyond its machine."},
    )
    line_key: str = field(default="", metadata={"doc": "PEM file of its key."})
    line_ca: str = field(
        default="", metadata={"doc": "PEM file: gateways must show a certificate that it signed."}
    )
    line_reload_s: float = field(
        default=10.0,
        metadata={"doc": "how often it is looked whether these three files were renewed."},
    )
    sticky_timeout_s: float = field(
        default=2.0,
        metadata={
            "doc": (
                "how long a decision waits for the worker that has the command in its "
                "cache; Temporal's default of 10 s is how long everything would stall "
                "after a worker was killed."
            )
        },
    )
    graceful_shutdown_s: float = field(
        default=10.0,
        metadata={"doc": "how long work in hand may take when the worker is asked to stop."},
    )

    @property
    def max_waiting_tasks(self) -> int:
        """Decisions that may wait for stations at the same time: the rest is for other commands."""
        return max(1, self.max_workflow_tasks * 2 // 3)
