"""The turn of one command at its station: no longer than its frame is out.

    it has its turn     the intent is written; a database that is slow has the turn lent
    intent committed    the turn is kept, until the frame has its answer
    answered            the next one's turn begins; the answer is recorded beside it

So a back end in front of whose CALLs ours stands never waits for our database. Among ours the order
of facts stays: an intent is written when the answer before it is recorded.

A turn is lent before the intent's commit only. When it was taken meanwhile, the intent is rolled
back and written anew, so that no frame leaves later than its intent says.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from station_gateway.session.queue import Priority
from station_gateway.stations.waiting import StationQueue

T = TypeVar("T")

LENT_AFTER_S = 0.02
"""How long a CALL of the back end waits for our database. An intent takes a few milliseconds."""


class Overtaken(Exception):
    """A CALL of the back end has the turn that was lent: nothing may be written."""


class Turn:
    """One key in the queue of one station. `deadline` is loop time.

    say: records that the command waits behind so many.
    """

    def __init__(
        self, queue: StationQueue, key: str, deadline: float, say: Callable[[int], Awaitable[None]]
    ) -> None:
        self._queue = queue
        self._key = key
        self._deadline = deadline
        self._say = say
        self._saying: asyncio.Task[None] | None = None
        self._lent = self._held = False

    async def come(self, priority: Priority) -> None:
        """Return when it is our turn. Raises: as `StationQueue.wait_turn`."""
        await self._queue.wait_turn(self._key, priority, self._deadline, self._say_waiting)

    def _say_waiting(self, ahead: int) -> None:
        async def say() -> None:
            await self._say(ahead)

        self._saying = asyncio.get_running_loop().create_task(say())

    async def prepare(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do the work that comes before the frame; it calls `keep` before it commits.

        Raises: TimeoutError, StationGone: the turn was lent, and did not come back. What the work
            raises.
        """
        while True:
            lending = asyncio.get_running_loop().call_later(LENT_AFTER_S, self._lend)
            try:
                await self._all_recorded()
                return await work()
            except Overtaken:
                await self._queue.wait_back(self._key, self._deadline)
                self._lent = False
            finally:
                lending.cancel()

    async def _all_recorded(self) -> None:
        """Return when what was said of this command and of those before is recorded."""
        if self._saying is not None:
            await self._saying
        await self._queue.recorded()

    def _lend(self) -> None:
        if not self._held:
            self._lent = True
            self._queue.lend(self._key)

    def keep(self) -> None:
        """Lend the turn no more: the intent is written, and commits. Raises: Overtaken."""
        if self._lent and not self._queue.take_back(self._key):
            raise Overtaken
        self._lent, self._held = False, True

    def answered(self) -> None:
        """The frame has its answer, or will have none: the next one may go out."""
        self._queue.answered(self._key)

    def leave(self) -> None:
        """Nothing is left to be done, nor to be recorded."""
        self._queue.leave(self._key)
