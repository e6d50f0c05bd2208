"""How coroutines wait in the queue of one station: the asyncio side of `CallQueue`.

A turn lasts until the CALL has its answer. What has to be recorded then is recorded beside the
queue, and before the next one of ours is.
"""

import asyncio
from collections.abc import Callable

from station_gateway.session.queue import CallQueue, Priority, QueueFull
from telemetry import metrics

OnWaiting = Callable[[int], None]
"""Called once, with the number of those in front, when a caller really has to wait."""


class StationGone(Exception):
    """The socket closed or was replaced; nothing was sent."""


class ObservedOnly(StationGone):
    """The station is relayed to another back end, and nothing of ours is sent to it."""


class StationQueue:
    """Those who wait for their turn at one station. Made when the first one comes."""

    __slots__ = (
        "_ended",
        "_looking",
        "_progress_delay_s",
        "_queue",
        "_recording",
        "_waiters",
    )

    def __init__(self, *, limit: int, progress_delay_s: float) -> None:
        self._queue = CallQueue(limit)
        self._progress_delay_s = progress_delay_s
        self._waiters: dict[str, asyncio.Future[None]] = {}
        self._recording: list[str] = []
        self._looking: asyncio.Future[None] | None = None
        self._ended = False

    @property
    def busy(self) -> bool:
        """Whether anybody is in the queue, or the answer to one that was is not recorded yet."""
        return bool(self.length or self._recording)

    @property
    def length(self) -> int:
        """How many are in the queue, the one whose turn it is included."""
        return len(self._queue)

    async def wait_turn(
        self,
        key: str,
        priority: Priority,
        deadline: float,
        on_waiting: OnWaiting | None = None,
        *,
        passes: bool = False,
    ) -> None:
        """Return when it is this key's turn; `leave` must follow. `deadline` is loop time.

        passes: it may go before a turn that was lent.

        Raises:
            QueueFull: too many wait already, or somebody urgent needed the place.
            TimeoutError: the deadline came first.
            StationGone: the socket went away meanwhile, or nobody gets a turn any more.
        """
        if self._ended:
            raise StationGone
        displaced = self._waiters.get(self._queue.enter(key, priority, passes=passes) or "")
        if displaced is not None and not displaced.done():
            displaced.set_exception(QueueFull())
        if self._queue.advance() == key:
            return
        await self._wait(key, deadline, on_waiting)

    async def _wait(self, key: str, deadline: float, on_waiting: OnWaiting | None = None) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiters[key] = turn
        metrics.QUEUE_DEPTH.inc()
        try:
            async with asyncio.timeout_at(deadline):
                # A short wait is not worth a word to the caller.
                await asyncio.wait({turn}, timeout=self._progress_delay_s)
                if on_waiting is not None and not turn.done():
                    on_waiting(len(self._queue.ahead_of(key)))
                await turn
        except BaseException:
            # Also for a cancelled caller: a key that stays would block all who wait behind it.
            self.leave(key)
            raise
        finally:
            metrics.QUEUE_DEPTH.dec()
            self._waiters.pop(key, None)

    def take_free_turn(self, key: str, priority: Priority) -> bool:
        """Take a turn that nobody has, or that was lent. False: nothing was done.

        `leave` must follow. For a key that passes, see `wait_turn`.

        Raises: StationGone: nobody gets a turn any more.
        """
        if self._ended:
            raise StationGone
        if self._queue.head is not None:
            return False
        self._queue.enter(key, priority, passes=True)
        self._queue.advance()
        return True

    def lend(self, key: str) -> None:
        """Let CALLs that pass go before this one, whose turn it is and of which nothing is out."""
        self._queue.step_aside(key)
        self._go_on()

    def take_back(self, key: str) -> bool:
        """Have the turn again that was lent. False: a CALL that went before has it."""
        return self._queue.step_back(key)

    async def wait_back(self, key: str, deadline: float) -> None:
        """Return when the turn that was lent is this key's again.

        Raises:
            TimeoutError: the deadline came first.
            StationGone: the socket went away meanwhile, or nobody gets a turn any more.
        """
        if self._ended:
            raise StationGone
        self._queue.line_up(key)
        if self._queue.advance() != key:
            await self._wait(key, deadline)

    def answered(self, key: str) -> None:
        """Give the turn to the next one. What became of the CALL is recorded until `leave`."""
        self._recording.append(key)
        self._queue.leave(key)
        self._go_on()

    def leave(self, key: str) -> None:
        """Take the key out and give the turn to the next one."""
        self._queue.leave(key)
        if key in self._recording:
            self._recording.remove(key)
        self._go_on()
        if self._looking is not None:
            self._looking.set_result(None)
            self._looking = None

    def _go_on(self) -> None:
        following = self._queue.advance()
        waiter = self._waiters.get(following) if following is not None else None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def recorded(self) -> None:
        """Return when the answer to each CALL that had its turn is recorded."""
        while self._recording:
            await self._left()

    async def emptied(self) -> None:
        """Return when nobody is in the queue, and all is recorded: no frame is out then."""
        while self.busy:
            await self._left()

    async def _left(self) -> None:
        """Return when the next key leaves."""
        if self._looking is None:
            self._looking = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._looking)

    def end(self) -> None:
        """Tell everybody who waits that it is in vain. Nobody gets a turn here any more.

        The one whose turn it is keeps it.
        """
        self._ended = True
        for waiter in self._waiters.values():
            if not waiter.done():
                waiter.set_exception(StationGone())
