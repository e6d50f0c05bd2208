"""The limit on the watches that one process serves."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from broker.errors import Reason, Refusal

_RETRY = timedelta(seconds=10)


class OpenWatches:
    """Counts the open watches, of commands and of reservations together."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open = 0

    @property
    def count(self) -> int:
        """How many watches are open."""
        return self._open

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """Counts one watch while the context is open. Raises: Refusal (TOO_MANY_WATCHES)."""
        if self._open >= self._most:
            raise Refusal(
                Reason.TOO_MANY_WATCHES,
                "Too many watches are open at this broker. Watch `all` or a station instead of "
                "many single names, or try again later.",
                retry_after=_RETRY,
            )
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1
