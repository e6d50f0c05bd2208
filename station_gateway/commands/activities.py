"""The gateway's Temporal activities: thin wrappers that send heartbeats while the work goes on.

What a station says is a result, never an exception. `send_frame` is scheduled with one attempt.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio import activity

from contract import activities as stubs
from contract.activities import implements
from contract.commands import AskStationInput, AskStationResult, SendFrameInput, SendFrameResult
from station_gateway.commands.questions import Questions
from station_gateway.commands.sending import Sender


class GatewayActivities:
    """The activities of the process that holds a station's socket."""

    def __init__(self, sender: Sender, questions: Questions, *, heartbeat_s: float) -> None:
        self._sender = sender
        self._questions = questions
        self._heartbeat_s = heartbeat_s

    @implements(stubs.send_frame)
    async def send_frame(self, request: SendFrameInput) -> SendFrameResult:
        """Send one frame of a command, at most once."""
        async with _heartbeats(self._heartbeat_s):
            result = await self._sender.send(request)
        self._questions.after_answer(request, result)
        return result

    @implements(stubs.ask_station)
    async def ask_station(self, request: AskStationInput) -> AskStationResult:
        """Ask what became of a command."""
        async with _heartbeats(self._heartbeat_s):
            return await self._questions.ask(request)


@asynccontextmanager
async def _heartbeats(interval_s: float) -> AsyncIterator[None]:
    """Send heartbeats inside the block, so that Temporal notices a dead process within seconds."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(interval_s)  # first: most frames are answered before a beat is due
            activity.heartbeat()

    beating = asyncio.get_running_loop().create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
