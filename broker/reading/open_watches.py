"""The limits on the watches that one process serves."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from broker.auth import current_caller
from broker.errors import Reason, share_taken
from broker.places import Places, Share, ShareTaken

_RETRY = timedelta(seconds=10)
_WORDS = ("watches", "Watch `all` or a station instead of many single names, or try again later.")


class OpenWatches:
    """Counts the open watches, of commands and of reservations together.

    most: how many may be open. shares: how many of them one tenant and one credential may have.
    """

    def __init__(self, most: int, shares: Mapping[Share, int] | None = None) -> None:
        self._places = Places({**(shares or {}), Share.BROKER: most})

    @property
    def count(self) -> int:
        """How many watches are open."""
        return self._places.count

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """Counts one watch of the caller while the context is open.

        Raises: Refusal (TOO_MANY_WATCHES).
        """
        try:
            with self._places.one_more(current_caller().shares):
                yield
        except ShareTaken as taken:
            raise share_taken(Reason.TOO_MANY_WATCHES, taken, _WORDS, _RETRY) from taken
