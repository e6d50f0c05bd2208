"""Activities as the server sees them: taken from a queue, beating, decided once.

What the server decides (too late to start, no heartbeat, too long) the activity does not learn: it
goes on, and its result comes too late.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Protocol

from temporalio.activity import _CompleteAsyncError
from temporalio.api.enums.v1 import TimeoutType
from temporalio.api.failure.v1 import Failure
from temporalio.bridge.proto.activity_result import ActivityResolution
from temporalio.bridge.proto.workflow_activation import ResolveActivity, WorkflowActivationJob
from temporalio.bridge.proto.workflow_commands import ScheduleActivity
from temporalio.client import AsyncActivityCancelledError
from temporalio.testing import ActivityEnvironment

from fleet.engine.unavailable import DatabaseUnavailable
from tests.simulation.repeatable.virtual_time import VirtualLoop
from tests.simulation.servers.processes import Process
from tests.simulation.servers.workflow_runs import CONVERTER, to_payload

Activity = tuple[Callable[[Any], Awaitable[Any]], type]
Job = WorkflowActivationJob


class Poller:
    """One worker process on one queue of activities.

    reaches: whether it can speak to Temporal now.
    """

    def __init__(self, process: Process, activities: dict[str, Activity]) -> None:
        self.process = process
        self.activities = activities
        self.reaches = True

    @property
    def takes(self) -> bool:
        """Whether it would take a task now."""
        return self.process.alive and self.reaches


class Server(Protocol):
    """What an activity needs of the server."""

    loop: VirtualLoop
    queues: dict[str, Poller]

    def latency(self) -> float:
        """How long a word takes."""


class RemoteActivity:
    """One activity on a gateway's queue, as the server sees it."""

    def __init__(
        self, server: Server, tell: Callable[[Job], None], wanted: ScheduleActivity
    ) -> None:
        self._server = server
        self._tell = tell
        self._wanted = wanted
        self._decided = False
        self._beat_s = 0.0
        self._environment: ActivityEnvironment | None = None
        self._cancel_wanted = False
        server.loop.create_task(self._live())

    def cancel(self) -> None:
        """Asked by the workflow, which does not wait for it (TRY_CANCEL)."""
        self._cancel_wanted = True
        self._decide(_cancelled(self._wanted))

    async def _live(self) -> None:
        poller = await self._taken_by()
        if poller is None:
            self._decide(_timed_out(self._wanted, TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START))
            return
        loop = self._server.loop
        begun_s = self._beat_s = loop.time()
        limit_s = _seconds(self._wanted.start_to_close_timeout)
        beat_limit_s = _seconds(self._wanted.heartbeat_timeout)
        poller.process.spawn(self._work(poller))
        while not self._decided:
            await asyncio.sleep(0.5 if beat_limit_s else 2.0)
            if beat_limit_s and loop.time() - self._beat_s >= beat_limit_s:
                self._decide(_timed_out(self._wanted, TimeoutType.TIMEOUT_TYPE_HEARTBEAT))
            elif loop.time() - begun_s >= limit_s:
                self._decide(_timed_out(self._wanted, TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE))

    async def _taken_by(self) -> Poller | None:
        """Who takes it from the queue in time."""
        server = self._server
        until_s = server.loop.time() + _seconds(self._wanted.schedule_to_start_timeout)
        await asyncio.sleep(server.latency())
        while server.loop.time() < until_s and not self._decided:
            poller = server.queues.get(self._wanted.task_queue)
            if poller is not None and poller.takes:
                return poller
            await asyncio.sleep(0.25)
        return None

    async def _work(self, poller: Poller) -> None:
        """In the gateway's process."""
        run, takes = poller.activities[self._wanted.activity_type]
        argument = CONVERTER.from_payloads(list(self._wanted.arguments), [takes])[0]
        later: Any = _Later(self, poller)
        self._environment = ActivityEnvironment(client=later)
        self._environment.on_heartbeat = lambda *_: self._beat(poller)
        try:
            result = await self._environment.run(run, argument)
        except _CompleteAsyncError:
            return
        except DatabaseUnavailable as error:
            await self.has_failed(poller, error)
        else:
            await self.is_told(poller, result)

    async def is_told(self, poller: Poller, result: object) -> None:
        """The worker says what its result is."""
        await self._hears(poller, resolved(self._wanted.seq, result))

    async def has_failed(self, poller: Poller, error: Exception) -> None:
        """The worker says that it failed."""
        cause = Failure(message=str(error))
        cause.application_failure_info.type = type(error).__name__
        resolution = ActivityResolution()
        resolution.failed.failure.CopyFrom(_failure(self._wanted, cause))
        await self._hears(
            poller, Job(resolve_activity=ResolveActivity(seq=self._wanted.seq, result=resolution))
        )

    async def _hears(self, poller: Poller, resolution: Job) -> None:
        await asyncio.sleep(self._server.latency())
        while not poller.reaches:
            await asyncio.sleep(0.5)
        self._decide(resolution)

    def beats(self, poller: Poller) -> bool:
        """The worker says that it is still at work. Returns whether it is to stop."""
        if poller.takes:
            self._beat_s = self._server.loop.time()
        return poller.takes and self._cancel_wanted

    def _beat(self, poller: Poller) -> None:
        if self.beats(poller) and self._environment is not None:
            self._environment.cancel()

    def _decide(self, job: Job) -> None:
        if not self._decided:
            self._decided = True
            self._tell(job)


class _Later:
    """The SDK's client and its handle, for an activity that is told later."""

    def __init__(self, activity: RemoteActivity, poller: Poller) -> None:
        self._activity = activity
        self._poller = poller

    def get_async_activity_handle(self, *, task_token: bytes) -> "_Later":
        """The handle of this activity."""
        del task_token
        return self

    async def heartbeat(self) -> None:
        """Raises: AsyncActivityCancelledError."""
        if self._activity.beats(self._poller):
            raise AsyncActivityCancelledError

    async def complete(self, result: object) -> None:
        """Tells the result."""
        await self._activity.is_told(self._poller, result)

    async def fail(self, error: Exception) -> None:
        """Tells that it failed."""
        await self._activity.has_failed(self._poller, error)

    async def report_cancellation(self) -> None:
        """Tells that it stopped. The server has decided before."""


def resolved(seq: int, result: object, *, is_local: bool = False) -> Job:
    resolution = ActivityResolution()
    resolution.completed.result.CopyFrom(to_payload(result))
    return Job(resolve_activity=ResolveActivity(seq=seq, result=resolution, is_local=is_local))


def _failure(wanted: ScheduleActivity, cause: Failure) -> Failure:
    failure = Failure(message="activity failed", cause=cause)
    failure.activity_failure_info.activity_id = wanted.activity_id
    failure.activity_failure_info.activity_type.name = wanted.activity_type
    return failure


def _timed_out(wanted: ScheduleActivity, kind: Any) -> Job:
    cause = Failure(message="timed out")
    cause.timeout_failure_info.timeout_type = kind
    resolution = ActivityResolution()
    resolution.failed.failure.CopyFrom(_failure(wanted, cause))
    return Job(resolve_activity=ResolveActivity(seq=wanted.seq, result=resolution))


def _cancelled(wanted: ScheduleActivity) -> Job:
    cause = Failure(message="cancelled")
    cause.canceled_failure_info.SetInParent()
    resolution = ActivityResolution()
    resolution.cancelled.failure.CopyFrom(_failure(wanted, cause))
    return Job(resolve_activity=ResolveActivity(seq=wanted.seq, result=resolution))


def _seconds(duration: Any) -> float:
    wait: timedelta = duration.ToTimedelta()
    return wait.total_seconds()
