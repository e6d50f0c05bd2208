"""What a station has to say, in order."""

from collections import deque

from simulator.dialects.messages import Outgoing

_MAX_WAITING = 10_000
_TRANSACTIONS = frozenset(
    {"StartTransaction", "StopTransaction", "MeterValues", "TransactionEvent"}
)


class Outbox:
    """Waiting messages. A full one takes no more."""

    def __init__(self) -> None:
        self._waiting: deque[Outgoing] = deque()

    def __bool__(self) -> bool:
        """Something waits."""
        return bool(self._waiting)

    @property
    def first(self) -> Outgoing:
        """What is said next; it stays here until `done`."""
        return self._waiting[0]

    @property
    def undelivered(self) -> int:
        """Messages of transactions that the back end has not answered yet."""
        return sum(each.keep and each.action in _TRANSACTIONS for each in self._waiting)

    def post(self, outgoing: Outgoing) -> None:
        """Puts a message at the end."""
        if len(self._waiting) < _MAX_WAITING:
            self._waiting.append(outgoing)

    def done(self) -> None:
        """The first one needs not be said any longer."""
        self._waiting.popleft()

    def begin_with(self, news: list[Outgoing]) -> None:
        """After a connection: news first, then what is kept; the rest is out of date."""
        kept = [each for each in self._waiting if each.keep]
        self._waiting.clear()
        self._waiting.extend([*news, *kept])
