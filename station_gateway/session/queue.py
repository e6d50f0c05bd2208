"""The queue of CALLs in front of one station: first come, first served, with priority, bounded.

OCPP allows one outstanding CALL of ours per station, so our CALLs wait. A caller who stops a
session or frees a cable has a person standing in front of the station: those CALLs go first. Inside
one priority the order of arrival decides. `ahead_of` tells a waiter who is in front of it.

A full queue does not refuse them either: the one that came last among those who can wait gives up
its place. Where all of them are urgent, the urgent ones have as many places of their own.

The waiter whose turn it is stays in the queue, at its head, until `leave`. Deadlines are the matter
of the asyncio side (`stations.waiting`): a waiter that gives up calls `leave`.

The head may step aside while it has nothing on the wire. Then only those go before it that need no
database: the CALLs of a back end. The others of ours stay behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from domain.commands.table import COMMANDS
from domain.model.specs import Kind


class Priority(IntEnum):
    """Lower goes first."""

    OVERDUE = -1  # a CALL of the back end behind us that has waited for us for too long
    URGENT = 0  # stop, unlock
    NORMAL = 1
    BACKGROUND = 2  # a reset, and questions that nobody waits for


def priority_of(kind: Kind) -> Priority:
    """The priority of a frame of this kind, whether it does something or undoes it."""
    return Priority(min(COMMANDS[kind].priority, Priority.BACKGROUND))


class QueueFull(Exception):
    """The station's queue is at its limit."""


@dataclass(frozen=True, slots=True)
class QueuedCall:
    """One waiter. `key` is unique in the queue. passes: it goes when the head stepped aside."""

    key: str
    priority: Priority
    passes: bool = False


class CallQueue:
    """The queue of one station. Made for the first CALL: an idle station needs none."""

    __slots__ = ("_aside", "_head", "_limit", "_waiting")

    def __init__(self, limit: int = 64) -> None:
        self._limit = limit
        self._head: QueuedCall | None = None
        self._aside: QueuedCall | None = None
        self._waiting: list[QueuedCall] = []

    def __len__(self) -> int:
        """How many are in the queue, the one whose turn it is included."""
        return len(self.keys())

    @property
    def head(self) -> str | None:
        """The key whose turn it is."""
        return self._head.key if self._head else None

    def enter(self, key: str, priority: Priority, *, passes: bool = False) -> str | None:
        """Join the queue. Call `advance` afterwards. passes: see `QueuedCall`.

        Returns the key that lost its place to this one; None when there was a place.

        Raises:
            QueueFull: the queue is at its limit.
            ValueError: the key is in the queue already.
        """
        if key in self:
            raise ValueError("key is in the queue already")
        displaced = self._make_room(priority) if len(self) >= self._limit else None
        call = QueuedCall(key, priority, passes)
        behind = next(
            (i for i, other in enumerate(self._waiting) if other.priority > priority),
            len(self._waiting),
        )
        self._waiting.insert(behind, call)
        return displaced

    def _make_room(self, priority: Priority) -> str | None:
        """Take out who gives way; None: a place of the urgent ones is free. Raises: QueueFull."""
        urgent = sum(call.priority <= Priority.URGENT for call in self._waiting)
        if priority > Priority.URGENT or urgent >= self._limit:
            raise QueueFull
        return self._waiting.pop().key if urgent < len(self._waiting) else None

    def __contains__(self, key: object) -> bool:
        """Whether the key waits or has its turn."""
        return key in self.keys()

    def advance(self) -> str | None:
        """Give the turn to the next one when it is free. Returns the key that got it just now."""
        if self._head is not None:
            return None
        self._head = next((each for each in self._waiting if self._may_go(each)), None)
        if self._head is None:
            return None
        self._waiting.remove(self._head)
        return self._head.key

    def _may_go(self, call: QueuedCall) -> bool:
        return self._aside is None or call.passes

    def step_aside(self, key: str) -> None:
        """Give up the turn until `step_back` or `line_up`. Call `advance` afterwards.

        Raises:
            ValueError: it is not the turn of this key.
        """
        if self._head is None or self._head.key != key:
            raise ValueError("only the one whose turn it is can step aside")
        self._head, self._aside = None, self._head

    def step_back(self, key: str) -> bool:
        """Take the turn again. False when another one has it by now."""
        if self._head is not None or self._aside is None or self._aside.key != key:
            return False
        self._head, self._aside = self._aside, None
        return True

    def line_up(self, key: str) -> None:
        """Wait before all others for the turn that was given up. Call `advance` afterwards."""
        if self._aside is not None and self._aside.key == key:
            self._waiting.insert(0, self._aside)
            self._aside = None

    def leave(self, key: str) -> bool:
        """Take a key out: it is done, cancelled, or past its deadline. Call `advance` afterwards.

        Returns False when it was not in the queue.
        """
        before = len(self)
        if self.head == key:
            self._head = None
        if self._aside is not None and self._aside.key == key:
            self._aside = None
        self._waiting = [call for call in self._waiting if call.key != key]
        return len(self) < before

    def ahead_of(self, key: str) -> Sequence[str]:
        """Keys in front of this one, the one whose turn it is first; empty when it is its turn.

        Raises:
            KeyError: the key is not in the queue.
        """
        keys = self.keys()
        if key not in keys:
            raise KeyError(key)
        return keys[: keys.index(key)]

    def keys(self) -> Sequence[str]:
        """Everyone, in the order of service."""
        first = [each.key for each in (self._head, self._aside) if each is not None]
        return [*first, *(call.key for call in self._waiting)]
