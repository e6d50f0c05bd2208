"""Places of which one process has so many, for calls and for watches, and who has taken them. Pure.

Somebody who takes a place takes it from several shares at once: the broker's, its tenant's, its
credential's, its connection's. A share that is taken up refuses its own holder alone, so that what
the broker has beyond it is left to the others.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

Holder = tuple[str, ...]


class Share(StrEnum):
    """Of whom a share is."""

    BROKER = "broker"
    TENANT = "tenant"
    CREDENTIAL = "credential"
    CONNECTION = "connection"
    HOST = "host"


@dataclass  # not frozen: a context manager that it passes sets its traceback
class ShareTaken(Exception):
    """No place is left in a share. most: how many it has."""

    share: Share
    most: int


class Places:
    """Counts the places that are taken. most: how many each holder of such a share may have.

    A share that is not named in `most` has no limit.
    """

    def __init__(self, most: Mapping[Share, int]) -> None:
        self._most = dict(most)
        self._taken: Counter[tuple[Share, Holder]] = Counter()

    @property
    def count(self) -> int:
        """How many places are taken."""
        return self._taken[Share.BROKER, ()]

    @contextmanager
    def one_more(self, holders: Mapping[Share, Holder]) -> Iterator[None]:
        """Takes one place while the context is open. holders: whose shares it is taken from.

        Raises: ShareTaken. Nothing is taken then.
        """
        shares = tuple({**holders, Share.BROKER: ()}.items())
        for share, holder in shares:
            most = self._most.get(share)
            if most is not None and self._taken[share, holder] >= most:
                raise ShareTaken(share, most)
        self._taken.update(shares)
        try:
            yield
        finally:
            self._taken.subtract(shares)
            for each in shares:
                if not self._taken[each]:
                    del self._taken[each]
