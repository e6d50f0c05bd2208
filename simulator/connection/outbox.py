"""The messages that a station still has to send, in order."""

from collections import deque

from simulator.dialects.messages import Outgoing

_MAX_WAITING = 10_000
_TRANSACTION_ACTIONS = frozenset(
    {"StartTransaction", "StopTransaction", "MeterValues", "TransactionEvent"}
)


class Outbox:
    """A queue of messages with a limit. A full outbox drops new messages."""

    def __init__(self) -> None:
        self._waiting: deque[Outgoing] = deque()

    def __bool__(self) -> bool:
        """Whether a message waits."""
        return bool(self._waiting)

    @property
    def first(self) -> Outgoing:
        """The next message to send. It stays here until `done`."""
        return self._waiting[0]

    @property
    def undelivered(self) -> int:
        """The number of transaction messages that the back end has not answered yet."""
        return sum(each.keep and each.action in _TRANSACTION_ACTIONS for each in self._waiting)

    def post(self, outgoing: Outgoing) -> None:
        """Appends a message."""
        if len(self._waiting) < _MAX_WAITING:
            self._waiting.append(outgoing)

    def done(self) -> None:
        """Removes the first message."""
        self._waiting.popleft()

    def begin_with(self, fresh: list[Outgoing]) -> None:
        """Prepares for a new connection: fresh messages first, then the kept ones.

        Messages that are not kept describe the past; they are dropped.
        """
        kept = [each for each in self._waiting if each.keep]
        self._waiting.clear()
        self._waiting.extend([*fresh, *kept])
