"""The async side of a `Lane`: commands wait here for their turn at one station."""

import asyncio
from collections.abc import Awaitable, Callable

from station_gateway.session.queue import Lane, Priority
from telemetry import metrics

OnWaiting = Callable[[int], Awaitable[None]]
"""Told how many are in front, once, when somebody really has to wait."""


class StationGone(Exception):
    """The socket closed or was replaced; nothing was sent."""


class Line:
    """One station's waiting commands. Made when the first command comes."""

    __slots__ = ("_lane", "_progress_delay_s", "_waiters")

    def __init__(self, *, limit: int, progress_delay_s: float) -> None:
        self._lane = Lane(limit)
        self._progress_delay_s = progress_delay_s
        self._waiters: dict[str, asyncio.Future[None]] = {}

    @property
    def length(self) -> int:
        """How many are in line, the one whose turn it is included."""
        return len(self._lane)

    async def stand(
        self, key: str, priority: Priority, deadline: float, on_waiting: OnWaiting | None = None
    ) -> None:
        """Return when it is this key's turn; `leave` must follow. `deadline` is loop time.

        Raises:
            LaneFull: too many wait already.
            TimeoutError: the deadline came first.
            StationGone: the socket went away meanwhile.
        """
        self._lane.enter(key, priority, deadline)
        if self._lane.advance() == key:
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiters[key] = turn
        metrics.QUEUE_DEPTH.inc()
        try:
            async with asyncio.timeout_at(deadline):
                await asyncio.wait({turn}, timeout=self._progress_delay_s)
                if on_waiting is not None and not turn.done():
                    await on_waiting(len(self._lane.ahead_of(key)))
                await turn
        except BaseException:
            self.leave(key)
            raise
        finally:
            metrics.QUEUE_DEPTH.dec()
            self._waiters.pop(key, None)

    def leave(self, key: str) -> None:
        """Give the turn to the next one."""
        self._lane.leave(key)
        following = self._lane.advance()
        waiter = self._waiters.get(following) if following is not None else None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def end(self) -> None:
        """The socket is gone: nobody gets a turn here any more."""
        for waiter in self._waiters.values():
            if not waiter.done():
                waiter.set_exception(StationGone())
