"""How coroutines wait in the queue of one station: the asyncio side of `CallQueue`."""

import asyncio
from collections.abc import Awaitable, Callable

from station_gateway.session.queue import CallQueue, Priority, QueueFull
from telemetry import metrics

OnWaiting = Callable[[int], Awaitable[None]]
"""Called once, with the number of those in front, when a caller really has to wait."""


class StationGone(Exception):
    """The socket closed or was replaced; nothing was sent."""


class ObservedOnly(StationGone):
    """The station is relayed to another back end, and nothing of ours is sent to it."""


class StationQueue:
    """Those who wait for their turn at one station. Made when the first one comes."""

    __slots__ = ("_emptied", "_ended", "_progress_delay_s", "_queue", "_waiters")

    def __init__(self, *, limit: int, progress_delay_s: float) -> None:
        self._queue = CallQueue(limit)
        self._progress_delay_s = progress_delay_s
        self._waiters: dict[str, asyncio.Future[None]] = {}
        self._emptied: asyncio.Future[None] | None = None
        self._ended = False

    @property
    def length(self) -> int:
        """How many are in the queue, the one whose turn it is included."""
        return len(self._queue)

    async def wait_turn(
        self, key: str, priority: Priority, deadline: float, on_waiting: OnWaiting | None = None
    ) -> None:
        """Return when it is this key's turn; `leave` must follow. `deadline` is loop time.

        Raises:
            QueueFull: too many wait already, or somebody urgent needed the place.
            TimeoutError: the deadline came first.
            StationGone: the socket went away meanwhile, or nobody gets a turn any more.
        """
        if self._ended:
            raise StationGone
        displaced = self._waiters.get(self._queue.enter(key, priority) or "")
        if displaced is not None and not displaced.done():
            displaced.set_exception(QueueFull())
        if self._queue.advance() == key:
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiters[key] = turn
        metrics.QUEUE_DEPTH.inc()
        try:
            async with asyncio.timeout_at(deadline):
                # A short wait is not worth a word to the caller.
                await asyncio.wait({turn}, timeout=self._progress_delay_s)
                if on_waiting is not None and not turn.done():
                    await on_waiting(len(self._queue.ahead_of(key)))
                await turn
        except BaseException:
            # Also for a cancelled caller: a key that stays would block all who wait behind it.
            self.leave(key)
            raise
        finally:
            metrics.QUEUE_DEPTH.dec()
            self._waiters.pop(key, None)

    def take_free_turn(self, key: str, priority: Priority) -> bool:
        """Take the turn if nobody is in the queue; `leave` must follow. False: nothing was done.

        Raises: StationGone: nobody gets a turn any more.
        """
        if self._ended:
            raise StationGone
        if self.length:
            return False
        self._queue.enter(key, priority)
        self._queue.advance()
        return True

    def leave(self, key: str) -> None:
        """Take the key out and give the turn to the next one."""
        self._queue.leave(key)
        following = self._queue.advance()
        waiter = self._waiters.get(following) if following is not None else None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
        if self._emptied is not None and not self._emptied.done() and not self.length:
            self._emptied.set_result(None)

    async def emptied(self) -> None:
        """Return when nobody is in the queue: no frame is out then. Await it once only."""
        if self.length:
            self._emptied = asyncio.get_running_loop().create_future()
            await self._emptied

    def end(self) -> None:
        """Tell everybody who waits that it is in vain. Nobody gets a turn here any more.

        The one whose turn it is keeps it.
        """
        self._ended = True
        for waiter in self._waiters.values():
            if not waiter.done():
                waiter.set_exception(StationGone())
