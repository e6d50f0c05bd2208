"""Copies of relayed frames that wait to be recorded: as many bytes as may be held, and no more.

A frame is passed on first and recorded afterwards. While the database is slow the copies wait. When
they are too many the newest ones are left out, and one gap stands in their place: whoever reads the
facts then knows that something was said there which nobody has kept.

The bytes that wait are limited for one station, and for all stations of a process (`Allowance`).
"""

from collections import deque
from datetime import datetime
from enum import Enum, auto

import msgspec

FIXED_BYTES = 400
"""What one copy costs in memory beside its text."""


class From(Enum):
    """Who said a frame. BACK_END: the CSMS that the station is relayed to.

    DROPPED: no frame, but that a CALL which the back end said before was never passed on.
    """

    STATION = auto()
    BACK_END = auto()
    DROPPED = auto()


class Copy(msgspec.Struct, frozen=True):
    """One frame as it was passed on, and when. `data` None: a gap; frames were left out here."""

    said_by: From
    data: str | bytes | None
    time: datetime

    @property
    def cost(self) -> int:
        """The bytes that it holds at most: a text with one odd character may hold four for each."""
        data = self.data or ""
        return FIXED_BYTES + len(data) * (1 if data.isascii() or isinstance(data, bytes) else 4)


class Allowance:
    """The bytes that the copies of all stations of a process may hold together."""

    __slots__ = ("_left",)

    def __init__(self, limit: int) -> None:
        self._left = limit

    def take(self, cost: int) -> bool:
        """Whether there are so many bytes left. Then they are taken."""
        if cost > self._left:
            return False
        self._left -= cost
        return True

    def give_back(self, cost: int) -> None:
        """Bytes that were taken are free again."""
        self._left += cost


class Copies:
    """The copies of one station that wait, in the order in which the frames were passed on."""

    __slots__ = ("_allowance", "_held", "_limit", "_waiting")

    def __init__(self, limit: int, allowance: Allowance) -> None:
        self._limit = limit
        self._allowance = allowance
        self._held = 0
        self._waiting: deque[Copy] = deque()

    def __len__(self) -> int:
        """How many copies wait, gaps among them."""
        return len(self._waiting)

    def put(self, copy: Copy) -> bool:
        """Have a copy wait. False: there is no room, and a gap stands in its place."""
        cost = copy.cost
        if self._held + cost <= self._limit and self._allowance.take(cost):
            self._held += cost
            self._waiting.append(copy)
            return True
        if not self._waiting or self._waiting[-1].data is not None:
            self._waiting.append(Copy(copy.said_by, None, copy.time))
        return False

    def take(self) -> Copy:
        """The next copy. Raises: IndexError when none waits."""
        copy = self._waiting.popleft()
        if copy.data is not None:
            self._held -= copy.cost
            self._allowance.give_back(copy.cost)
        return copy
