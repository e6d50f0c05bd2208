"""The worker process: runs the workflows, and their reads and writes of the fleet."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from datetime import timedelta

import structlog
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import (
    UnsandboxedWorkflowRunner,
    Worker,
    WorkerDeploymentConfig,
    WorkflowRunner,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from contract.names import COMMANDS_QUEUE
from contract.polls import polls
from domain.commands.timing import Timing
from fleet.database import Database
from fleet.keys import load_line_key
from journal.clock import Clock, system_clock
from journal.event_feeds import EventFeeds
from journal.wakeups import WakeupDispatcher
from telemetry.build import build_id
from telemetry.supervision import background
from workflows.activities.bookings import BookingActivities
from workflows.activities.callbacks import CallbackActivities
from workflows.activities.clock_guard import ClockGuard
from workflows.activities.commands import CommandActivities
from workflows.activities.event_posts import EventPostActivities
from workflows.activities.lines import DirectLines
from workflows.activities.reservations import ReservationActivities
from workflows.booking_workflow import BookingWorkflow
from workflows.build import DEPLOYMENT, replayed_build
from workflows.callback_workflow import CallbackWorkflow
from workflows.command_workflow import RemoteCommandWorkflow
from workflows.event_posts_workflow import EventPostsWorkflow
from workflows.kinds import KINDS
from workflows.reservation_workflow import ReservationWorkflow
from workflows.settings import WorkerSettings

_logger = structlog.get_logger(__name__)

WORKFLOWS = (
    *(*KINDS, RemoteCommandWorkflow, ReservationWorkflow, BookingWorkflow, CallbackWorkflow),
    EventPostsWorkflow,
)
"""Every workflow of this project: what a worker runs and a replayer replays."""

PASSED_THROUGH = (
    "contract",
    "domain",
    "workflows.alarms",
    "workflows.calls",
    "workflows.command_run",
    "workflows.limits",
    "workflows.requests",
)
"""Modules that all runs share inside the sandbox: pure ones, and those that only call the SDK.

Every other module is loaded again for each run, the workflow files among them. A shared module
loses the sandbox's protection, so the linter forbids clock, randomness and environment there.
"""


def sandbox() -> SandboxedWorkflowRunner:
    """Refuses workflow code that is not deterministic. Tests and replays run in it.

    It loads the workflow files anew for each run, which costs more CPU time than all else that a
    worker does for a command. So the code is checked before it is shipped, and runs without.
    """
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    )


def _runner(settings: WorkerSettings) -> WorkflowRunner:
    return sandbox() if settings.sandbox else UnsandboxedWorkflowRunner()


def _deployment(settings: WorkerSettings) -> WorkerDeploymentConfig | None:
    """What Temporal is told of this build; None: nothing.

    Runs under way go on with the build that is current (AUTO_UPGRADE): a command on guard lives for
    a day, and patch markers let each build replay what older ones began.
    """
    if not settings.versioning:
        return None
    version = WorkerDeploymentVersion(DEPLOYMENT, replayed_build())
    _logger.info("worker_build", deployment=DEPLOYMENT, build_id=version.build_id)
    return WorkerDeploymentConfig(
        version=version,
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


def _activities(db: Database, lines: DirectLines, timing: Timing) -> list[Callable[..., object]]:
    return [
        *CommandActivities(db, lines.offer).all,
        *ReservationActivities(db, timing).all,
        *BookingActivities(db, timing).all,
        *CallbackActivities(db).all,
        *EventPostActivities(db).all,
    ]


@asynccontextmanager
async def running_worker(
    db: Database,
    client: Client,
    settings: WorkerSettings | None = None,
    timing: Timing | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[Worker]:
    """Runs a worker until the block is left, then lets it finish what it has in hand.

    timing: the waits of reservations. The waits of a command travel with the command.
    clock: the fleet's. Temporal's is held against it; None: it is not, and may skip time.

    An interceptor of the client that is a worker interceptor too (tracing) works here as well.
    """
    chosen = settings or WorkerSettings()
    lines = DirectLines(chosen, key=await load_line_key(db))
    worker = Worker(
        client,
        task_queue=COMMANDS_QUEUE,
        build_id=None if chosen.versioning else build_id(),
        workflows=list(WORKFLOWS),
        activities=_activities(db, lines, timing or Timing()),
        workflow_runner=_runner(chosen),
        max_cached_workflows=chosen.max_cached_workflows,
        max_concurrent_workflow_tasks=chosen.max_workflow_tasks,
        max_concurrent_local_activities=chosen.max_local_activities,
        workflow_task_poller_behavior=polls(chosen.max_polls),
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=chosen.sticky_timeout_s),
        graceful_shutdown_timeout=timedelta(seconds=chosen.graceful_shutdown_s),
        no_remote_activities=True,
        deployment_config=_deployment(chosen),
        interceptors=[ClockGuard(clock)] if clock else [],
    )
    dispatcher = WakeupDispatcher(db, client, clock=clock or system_clock)
    feeds = EventFeeds(db, clock or system_clock)
    try:
        async with (
            background("certificates", lines.certificates.run)
            if lines.certificates
            else nullcontext(),
            worker,
            background("wake-ups", dispatcher.run),
            background("event-feeds", feeds.run),
        ):
            yield worker
    finally:
        await lines.close()
