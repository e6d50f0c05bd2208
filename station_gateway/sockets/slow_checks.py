"""Runs slow password hashes, few at once. Who waits for one waits in a short and fair queue."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from station_gateway.sockets.guesses import FairQueue
from station_gateway.sockets.limits import network_of

T = TypeVar("T")

AT_ONCE = 2
"""Slow hashes at once. Each takes 19 MiB and a CPU."""


class CrowdedOut(Exception):
    """Too many wait for a slow hash, and most of them at this address, or for this station."""


class SlowChecks:
    """The slow hashes of one process. At most `limit` wait for their turn."""

    def __init__(self, limit: int) -> None:
        self._queue: FairQueue[asyncio.Future[bool]] = FairQueue(limit)
        self._running = 0

    async def run(self, station: str, address: str, check: Callable[[], Awaitable[T]]) -> T:
        """Run `check` when its turn has come. Raises: CrowdedOut, or what `check` raised."""
        if self._running < AT_ONCE:
            self._running += 1
        else:
            await self._turn(station, network_of(address))
        try:
            return await check()
        finally:
            self._pass_on()

    async def _turn(self, station: str, address: str) -> None:
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        crowded_out = self._queue.put(address, station, turn)
        if crowded_out is turn:
            raise CrowdedOut
        if crowded_out is not None:
            crowded_out.set_result(False)
        try:
            given = await turn
        except asyncio.CancelledError:
            self._queue.remove(address, station, turn)
            if turn.done() and not turn.cancelled() and turn.result():
                self._pass_on()
            raise
        if not given:
            raise CrowdedOut

    def _pass_on(self) -> None:
        """Give the place of a check that ended to the next one that still waits."""
        while (turn := self._queue.take()) is not None:
            if not turn.done():
                turn.set_result(True)
                return
        self._running -= 1
