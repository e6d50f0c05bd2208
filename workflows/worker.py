"""The worker process: runs the workflows, and their reads and writes of the fleet."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import PollerBehaviorSimpleMaximum, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from contract.names import COMMANDS_QUEUE
from domain.commands.timing import Timing
from fleet.database import Database
from fleet.keys import load_line_key
from journal.wakeups import WakeupDispatcher
from telemetry.supervision import background
from workflows.activities.callbacks import CallbackActivities
from workflows.activities.commands import CommandActivities
from workflows.activities.lines import DirectLines
from workflows.activities.reservations import ReservationActivities
from workflows.callback_workflow import CallbackWorkflow
from workflows.command_workflow import RemoteCommandWorkflow
from workflows.compiled import compile_once
from workflows.kinds import KINDS
from workflows.reservation_workflow import ReservationWorkflow
from workflows.settings import WorkerSettings

WORKFLOWS = (*KINDS, RemoteCommandWorkflow, ReservationWorkflow, CallbackWorkflow)
"""Every workflow of this project: what a worker runs and a replayer replays."""

_POLLS = 10
_POLLS_FOR_NEW = 0.5
"""Half of the open polls wait for what no worker has in its cache: new commands, and those of a
worker that died. By default it is a single poll, and Temporal has been seen to leave that one
without the decision that waited for it, until the poll's 60 s were over."""

PASSED_THROUGH = (
    "contract",
    "domain",
    "workflows.alarms",
    "workflows.calls",
    "workflows.command_run",
    "workflows.limits",
    "workflows.requests",
)
"""Modules that all runs share: pure ones, and those that only call the SDK.

Every other module is loaded again for each run, the workflow files among them. A shared module
loses the sandbox's protection, so the linter forbids clock, randomness and environment there.
"""


def workflow_runner() -> SandboxedWorkflowRunner:
    """The one sandbox of production, tests and replays."""
    compile_once(*(each.__module__ for each in WORKFLOWS))
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    )


@asynccontextmanager
async def running_worker(
    db: Database,
    client: Client,
    settings: WorkerSettings | None = None,
    timing: Timing | None = None,
) -> AsyncIterator[Worker]:
    """Runs a worker until the block is left, then lets it finish what it has in hand.

    timing: the waits of reservations. The waits of a command travel with the command.

    An interceptor of the client that is a worker interceptor too (tracing) works here as well.
    """
    chosen = settings or WorkerSettings()
    lines = DirectLines(chosen, key=await load_line_key(db))
    activities = [
        *CommandActivities(db, lines.offer).all,
        *ReservationActivities(db, timing or Timing()).all,
        *CallbackActivities(db).all,
    ]
    worker = Worker(
        client,
        task_queue=COMMANDS_QUEUE,
        workflows=list(WORKFLOWS),
        activities=activities,
        workflow_runner=workflow_runner(),
        max_cached_workflows=chosen.max_cached_workflows,
        max_concurrent_workflow_tasks=chosen.max_workflow_tasks,
        max_concurrent_local_activities=chosen.max_local_activities,
        workflow_task_poller_behavior=PollerBehaviorSimpleMaximum(_POLLS),
        nonsticky_to_sticky_poll_ratio=_POLLS_FOR_NEW,
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=chosen.sticky_timeout_s),
        graceful_shutdown_timeout=timedelta(seconds=chosen.graceful_shutdown_s),
        no_remote_activities=True,
    )
    try:
        async with worker, background("wake-ups", WakeupDispatcher(db, client).run):
            yield worker
    finally:
        await lines.close()
