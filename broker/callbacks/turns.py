"""Whose post is made now: the places for posts under way, and how they are shared. Pure.

A dead receiver holds a place until the post's time is over. So nobody may take the last places: a
tenant, or a host, gets one more place only while more places are free than it has taken. Alone it
gets half of them; two get a third each; and whoever comes next always finds some. Within a tenant
the same rule keeps one host from taking all that the tenant may have.

A post that gets no place is handed back to Temporal and comes again after a pause, at this broker
or at another one. That is no try: nothing was sent.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from broker.places import Share, ShareTaken

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(seconds=30)
_DOUBLINGS = 5  # after so many the pause is at its limit


class PostPlaces:
    """Counts the posts under way. most: how many there may be at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: Counter[tuple[str, ...]] = Counter()

    @property
    def free(self) -> int:
        """How many places are left."""
        return self._most - self._taken[()]

    @contextmanager
    def of_tenant(self, tenant: str) -> Iterator[None]:
        """Takes a place for one post of the tenant while the context is open.

        Raises: ShareTaken. Nothing is taken then.
        """
        self._check(Share.TENANT, self._taken["tenant", tenant], self.free)
        with self._one_more((), ("tenant", tenant)):
            yield

    @contextmanager
    def of_host(self, tenant: str, host: str) -> Iterator[None]:
        """Says to which host the post goes whose place `of_tenant` took.

        Raises: ShareTaken, when this host has its share, of all or of the tenant's.
        """
        free = self.free + 1  # as if this post had no place yet
        of_tenant = self._taken["tenant", tenant] - 1
        self._check(Share.HOST, self._taken["host", host], free)
        self._check(Share.HOST, self._taken["pair", tenant, host], free - of_tenant)
        with self._one_more(("host", host), ("pair", tenant, host)):
            yield

    def _check(self, share: Share, taken: int, free: int) -> None:
        if taken >= free:
            raise ShareTaken(share, taken)

    @contextmanager
    def _one_more(self, *holders: tuple[str, ...]) -> Iterator[None]:
        self._taken.update(holders)
        try:
            yield
        finally:
            self._taken.subtract(holders)
            for each in holders:
                if not self._taken[each]:
                    del self._taken[each]


def pause_before_turn(times: int, spread: float) -> timedelta:
    """How long a post waits that was handed back so many times.

    spread: 0 to 1, drawn for each post, so that posts handed back together come apart.
    """
    longest = min(FIRST_PAUSE * (1 << min(times - 1, _DOUBLINGS)), LONGEST_PAUSE)
    return longest * (0.5 + spread / 2)
