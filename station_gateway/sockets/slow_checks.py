"""Runs slow password hashes, few at once. Who waits for one waits in a short and fair queue."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from station_gateway.sockets.limits import network_of

T = TypeVar("T")

AT_ONCE = 2
"""Slow hashes at once. Each takes 19 MiB and a CPU."""


class FairQueue(Generic[T]):
    """Who waits for a slow hash: at most `limit` in all, and one for a station at an address.

    The addresses take turns. When there is no room, the address with the most loses its newest.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._addresses: OrderedDict[str, dict[str, T]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._addresses.values()))

    def put(self, address: str, station: str, item: T) -> T | None:
        """Add an item. Returns the one that has no place: an older one or this one, or none."""
        waiting = self._addresses.get(address, {})
        if station in waiting or self._limit < 1:
            return item
        crowded_out = self._make_room(len(waiting)) if len(self) >= self._limit else None
        if crowded_out is None and len(self) >= self._limit:
            return item
        self._addresses.setdefault(address, {})[station] = item
        return crowded_out

    def take(self) -> T | None:
        """The next one in turn; None when nobody waits."""
        if not self._addresses:
            return None
        address, waiting = self._addresses.popitem(last=False)
        item = waiting.pop(next(iter(waiting)))
        if waiting:
            self._addresses[address] = waiting
        return item

    def remove(self, address: str, station: str, item: T) -> None:
        """Forget an item that waits no longer."""
        waiting = self._addresses.get(address, {})
        if waiting.get(station) is item:
            self._drop(address, station)

    def _make_room(self, own: int) -> T | None:
        """Drop the newest of the address with the most, when that has more than one with `own`
        would have after one more."""
        address, waiting = max(self._addresses.items(), key=lambda each: len(each[1]))
        if len(waiting) <= own + 1:
            return None
        return self._drop(address, next(reversed(waiting)))

    def _drop(self, address: str, station: str) -> T:
        waiting = self._addresses[address]
        item = waiting.pop(station)
        if not waiting:
            del self._addresses[address]
        return item


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
