"""The CALLs of the back end (CSMS) on their way to one station, between the CALLs of ours.

One CALL is out at the station at a time, whoever sends it. A CALL of the back end goes out at once
when none is. Else it waits in the station's queue as our commands do, behind the other CALLs of the
back end. The back end gives up after about half a minute, so it waits here no longer than
`hold_s`:

    half of it     it goes before everything of ours that waits
    all of it      a CALL that is still out counts as unanswered, and it goes out

A back end that has given up one CALL sends the next one. So its own that a silent station does not
answer holds up the next one for `hold_s` at most as well, and where more of them wait for a part of
it.
So a CALL of ours that others wait behind has at least the second half for its answer. One of ours
that has its turn and still waits for the database lends it to them (`commands.turns`).
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from station_gateway.session.frames import MessageId
from station_gateway.session.queue import Priority, QueueFull
from station_gateway.stations.waiting import StationGone, StationQueue
from telemetry import metrics

WAITING_LIMIT = 32
"""CALLs of the back end that wait at one station; beyond it the back end is not read."""

WAITING_CHARS = 1024 * 1024
"""Characters of these CALLs; the last one that is read may go beyond it."""

FULL_PAUSE_S = 0.25
"""Between two tries to enter a queue that is full of urgent commands."""

GIVE_UP_PAUSE_S = 1.0
"""Between two looks whether a CALL is out, in front of one that has waited too long."""

LEAST_TURN = 0.2
"""For what part of `hold_s` a CALL of the back end is out at least, however long others waited."""


class TheirCalls:
    """The CALLs of the back end at one station. Made for the first one.

    write: writes a CALL and returns the id that it has on the wire.
    give_up_ours: waits no longer for the answer to the CALL of ours that is out, if one is.
    dropped: is told of each CALL that waited and never goes out.
    """

    __slots__ = (
        "_chars",
        "_dropped",
        "_give_up_ours",
        "_hold_s",
        "_loop",
        "_numbers",
        "_out",
        "_passes",
        "_queue",
        "_room",
        "_spawn",
        "_turn_s",
        "_waiting",
        "_write",
    )

    def __init__(
        self,
        queue: StationQueue,
        write: Callable[[str], MessageId | None],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        *,
        give_up_ours: Callable[[], None],
        dropped: Callable[[str], None],
        hold_s: float,
        turn_s: float,
    ) -> None:
        self._queue = queue
        self._write = write
        self._spawn = spawn
        self._give_up_ours = give_up_ours
        self._dropped = dropped
        self._hold_s = hold_s
        self._turn_s = turn_s
        self._loop = asyncio.get_running_loop()
        self._numbers = itertools.count(1)
        self._waiting: deque[tuple[str, float]] = deque()
        self._chars = 0
        self._out: dict[MessageId, tuple[str, asyncio.TimerHandle]] = {}
        self._passes = False
        self._room: asyncio.Future[None] | None = None

    async def add(self, frame: str) -> None:
        """Have a CALL go out when it is its turn. Returns when another one may be read.

        Raises: StationGone.
        """
        key = self._key()
        if not self._waiting and self._takes_free_turn(key, frame):
            metrics.RELAY_WAIT.observe(0.0)
            self._go(key, frame)
            return
        self._waiting.append((frame, self._loop.time()))
        self._chars += len(frame)
        if not self._passes:
            self._passes = True
            self._spawn(self._pass_on())
        while self._is_full and self._passes:
            self._room = self._loop.create_future()
            await self._room

    def _takes_free_turn(self, key: str, frame: str) -> bool:
        try:
            return self._queue.take_free_turn(key, Priority.NORMAL)
        except StationGone:
            self._dropped(frame)
            raise

    @property
    def _is_full(self) -> bool:
        return len(self._waiting) >= WAITING_LIMIT or self._chars >= WAITING_CHARS

    def answered(self, on_wire: MessageId | None) -> None:
        """The station answered a CALL: if that one is out, the next one has its turn."""
        if on_wire is not None and on_wire in self._out:
            key, timer = self._out.pop(on_wire)
            timer.cancel()
            self._queue.leave(key)

    def drop_waiting(self) -> int:
        """Their sender is gone. Returns how many will not go out. One that is out stays out."""
        frames = [frame for frame, _ in self._waiting]
        self._waiting.clear()
        self._chars = 0
        for frame in frames:
            self._dropped(frame)
        self._make_room()
        return len(frames)

    def end(self) -> None:
        """The station is gone: what waits is dropped."""
        self.drop_waiting()
        for _, timer in self._out.values():
            timer.cancel()
        self._out.clear()

    async def _pass_on(self) -> None:
        try:
            while self._waiting:
                first = frame, since_s = self._waiting[0]
                key = await self._turn(since_s)
                if not self._waiting or self._waiting[0] is not first:  # it was dropped
                    self._queue.leave(key)
                    continue
                self._waiting.popleft()
                self._chars -= len(frame)
                metrics.RELAY_WAIT.observe(self._loop.time() - since_s)
                self._go(key, frame)
                self._make_room()
        except StationGone:
            self.drop_waiting()
        finally:
            self._passes = False
            self._make_room()

    def _make_room(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    async def _turn(self, since_s: float) -> str:
        """Wait for a turn. Returns its key. Raises: StationGone."""
        while True:
            key, now_s = self._key(), self._loop.time()
            first_s, last_s = since_s + self._hold_s / 2, since_s + self._hold_s
            overdue = now_s >= first_s
            until_s = last_s if overdue else first_s
            priority = Priority.OVERDUE if overdue else Priority.NORMAL
            if now_s >= last_s:
                self._give_up_ours()
                until_s = self._give_up_theirs(now_s)
            try:
                await self._queue.wait_turn(key, priority, until_s, passes=True)
            except TimeoutError:
                continue
            except QueueFull:
                await asyncio.sleep(FULL_PAUSE_S)
            else:
                return key

    def _give_up_theirs(self, now_s: float) -> float:
        """Wait no longer for the answers to those that are out long enough.

        Returns when to look again.
        """
        again_s = now_s + GIVE_UP_PAUSE_S
        for on_wire, (_, timer) in tuple(self._out.items()):
            least_s = timer.when() - self._turn_s + LEAST_TURN * self._hold_s
            if now_s >= least_s:
                self.answered(on_wire)
            else:
                again_s = min(again_s, least_s)
        return again_s

    def _go(self, key: str, frame: str) -> None:
        on_wire = self._write(frame)
        if on_wire is None:  # its answer would not be recognised
            self._queue.leave(key)
            return
        self.answered(on_wire)  # the back end uses the id of one that is out: that one is given up
        timer = self._loop.call_later(self._turn_s, self.answered, on_wire)
        self._out[on_wire] = (key, timer)

    def _key(self) -> str:
        return f"back end {next(self._numbers)}"
