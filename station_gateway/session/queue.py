"""The line of commands in front of one station: FIFO with priority, bounded, visible.

OCPP allows one outstanding CALL of ours per station, so commands wait. Who stops a session or
frees a cable has a person standing in front of it: those go first. Inside one priority it is first
come, first served. Whoever waits longer than its own deadline leaves the line; nobody waits unseen:
`ahead_of` says who is in front.

The one whose turn it is stays in the lane, at its head, until `leave`. Pure: `now` and the
deadlines are monotonic seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from domain.commands.table import COMMANDS
from domain.model.specs import Kind


class Priority(IntEnum):
    """Lower goes first."""

    URGENT = 0  # stop, unlock
    NORMAL = 1
    BACKGROUND = 2  # a reset, and our own questions


def priority_of(kind: Kind) -> Priority:
    """Where a frame of this kind stands in line, whether it does something or undoes it."""
    return Priority(min(COMMANDS[kind].priority, Priority.BACKGROUND))


class QueueFull(Exception):
    """The station's line is at its limit."""


@dataclass(frozen=True, slots=True)
class QueuedCall:
    """One waiter. `key` is unique in the lane."""

    key: str
    priority: Priority
    deadline: float


class CallQueue:
    """The line of one station. Made when the first command comes: an idle station needs none."""

    __slots__ = ("_head", "_limit", "_waiting")

    def __init__(self, limit: int = 64) -> None:
        self._limit = limit
        self._head: QueuedCall | None = None
        self._waiting: list[QueuedCall] = []

    def __len__(self) -> int:
        """How many are in the lane, the one whose turn it is included."""
        return len(self._waiting) + (self._head is not None)

    @property
    def head(self) -> str | None:
        """The key whose turn it is."""
        return self._head.key if self._head else None

    def enter(self, key: str, priority: Priority, deadline: float) -> None:
        """Stand in line. Call `advance` afterwards.

        Raises:
            LaneFull: the lane is at its limit.
            ValueError: the key is in the lane already.
        """
        if len(self) >= self._limit:
            raise QueueFull
        if key in self:
            raise ValueError("key is in the lane already")
        place = QueuedCall(key, priority, deadline)
        behind = next(
            (i for i, other in enumerate(self._waiting) if other.priority > priority),
            len(self._waiting),
        )
        self._waiting.insert(behind, place)

    def __contains__(self, key: object) -> bool:
        """Whether the key waits or has its turn."""
        return self.head == key or any(place.key == key for place in self._waiting)

    def advance(self) -> str | None:
        """Give the turn to the next one when it is free. Returns the key that got it just now."""
        if self._head is not None or not self._waiting:
            return None
        self._head = self._waiting.pop(0)
        return self._head.key

    def leave(self, key: str) -> bool:
        """Take a key out, whether done, cancelled or tired of waiting. Call `advance` afterwards.

        Returns False when it was not in the lane.
        """
        if self.head == key:
            self._head = None
            return True
        before = len(self._waiting)
        self._waiting = [place for place in self._waiting if place.key != key]
        return len(self._waiting) < before

    def expire(self, now: float) -> Sequence[str]:
        """Take out all waiters whose deadline has come (never the one whose turn it is)."""
        expired = [place.key for place in self._waiting if place.deadline <= now]
        if expired:
            self._waiting = [place for place in self._waiting if place.deadline > now]
        return expired

    def next_deadline(self) -> float | None:
        """When `expire` has something to do next."""
        return min((place.deadline for place in self._waiting), default=None)

    def ahead_of(self, key: str) -> Sequence[str]:
        """Keys in front of this one, the one whose turn it is first; empty when it is its turn.

        Raises:
            KeyError: the key is not in the lane.
        """
        if self.head == key:
            return ()
        keys = [place.key for place in self._waiting]
        if key not in keys:
            raise KeyError(key)
        front = keys[: keys.index(key)]
        return front if self._head is None else [self._head.key, *front]

    def keys(self) -> Sequence[str]:
        """Everyone, in the order of service."""
        waiting = [place.key for place in self._waiting]
        return waiting if self._head is None else [self._head.key, *waiting]
