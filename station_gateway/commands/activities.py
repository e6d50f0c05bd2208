"""The gateway's Temporal activities: thin wrappers around the frames on their way.

What a station says is a result, never an exception. `send_frame` is scheduled with one attempt. An
activity holds one of the process's places only for a moment: a frame whose station has not answered
by then is waited for without a place, and Temporal is told the result later.
"""

import asyncio

import structlog
from temporalio import activity
from temporalio.client import AsyncActivityCancelledError, AsyncActivityHandle
from temporalio.service import RPCError, RPCStatusCode

from contract import activities as stubs
from contract.activities import implements
from contract.commands import SendFrameInput, SendFrameResult
from contract.questions import AskStationInput, AskStationResult
from station_gateway.commands.questions import Questions
from station_gateway.commands.runs import Run, Runs
from station_gateway.settings import GatewaySettings
from telemetry.heartbeats import heartbeats

_log = structlog.get_logger(__name__)

_TELL_AGAIN_S = 1.0
_TELL_TRIES = 30
"""A result that Temporal does not take for so long is found in the fleet: the activity times out,
and its workflow settles the attempt."""


class GatewayActivities:
    """The activities of the process that holds a station's socket."""

    def __init__(self, runs: Runs, questions: Questions, settings: GatewaySettings) -> None:
        self._runs = runs
        self._questions = questions
        self._heartbeat_s = settings.heartbeat_interval_s
        self._hold_s = settings.activity_hold_s
        self._told_later: set[asyncio.Task[None]] = set()

    @implements(stubs.send_frame)
    async def send_frame(self, request: SendFrameInput) -> SendFrameResult:
        """Send one frame of a command, at most once."""
        run = self._runs.of(request)
        try:
            async with heartbeats(self._heartbeat_s):
                result = await self._runs.offer(request, self._hold_s)
        except asyncio.CancelledError:
            run.cancel()  # what is not on the wire yet gives up its place in the queue
            raise
        if result is not None:
            return result
        handle = activity.client().get_async_activity_handle(task_token=activity.info().task_token)
        telling = asyncio.get_running_loop().create_task(self._tell_later(run, handle))
        self._told_later.add(telling)
        telling.add_done_callback(self._told_later.discard)
        return activity.raise_complete_async()

    @implements(stubs.ask_station)
    async def ask_station(self, request: AskStationInput) -> AskStationResult:
        """Ask what became of a command."""
        async with heartbeats(self._heartbeat_s):
            return await self._questions.ask(request)

    async def finish(self, timeout_s: float) -> None:
        """Return when Temporal knows every result, or after `timeout_s`."""
        if self._told_later:
            await asyncio.wait(self._told_later, timeout=timeout_s)

    async def _tell_later(self, run: Run, handle: AsyncActivityHandle) -> None:
        """Send heartbeats until the run has its result, then tell it."""
        while not run.done():
            await asyncio.wait({run}, timeout=self._heartbeat_s)
            if run.done():
                break
            try:
                await handle.heartbeat()
            except AsyncActivityCancelledError:
                run.cancel()
                await asyncio.wait({run})
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    run.cancel()  # the workflow gave it up, and what is not on the wire with it
                    return
        tries = 0
        while tries < _TELL_TRIES:
            try:
                await _tell(run, handle)
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    return
                tries += 1
                _log.warning("result_not_told", why=error.status.name)
                await asyncio.sleep(_TELL_AGAIN_S)
            else:
                return


async def _tell(run: Run, handle: AsyncActivityHandle) -> None:
    failed = None if run.cancelled() else run.exception()
    if run.cancelled():
        await handle.report_cancellation()
    elif isinstance(failed, Exception):
        await handle.fail(failed)
    else:
        await handle.complete(run.result())
