"""Watches of commands and of reservations.

A resource that changes while the list of present states is being read leaves the list and comes in
the log. So every change is in exactly one of the two.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime

from broker.auth import current_caller
from broker.errors import Refusal
from broker.reading.following import LogFollower
from broker.reading.watching import Listed, WatchPosition
from fleet.engine.statements import Tx
from fleet.log.event_log import Entry, Filter, ResourceLog, head
from fleet.log.order import Cursor


@dataclass(frozen=True)
class Watched:
    """What kind of resource is watched.

    unfinished: the states whose resources are told at first when none is named.
    created: the creation time that an entry of the book holds.
    not_found: the refusal of an id that the book does not know.
    """

    book: ResourceLog
    unfinished: tuple[str, ...]
    created: Callable[[Entry], datetime]
    not_found: Callable[[str], Refusal]


@dataclass(frozen=True)
class ResourceWatch:
    """Some resources of one kind. See `WatchSource`."""

    subject: Watched
    which: Filter

    def woken(self, follower: LogFollower) -> AbstractContextManager[asyncio.Event]:
        """Whenever a resource of the tenant may have changed."""
        return follower.tenant(self.which.tenant)

    async def check(self, tx: Tx, place: WatchPosition | None) -> None:
        """Raises: Refusal for a name that is not known, when the watch is new."""
        for name in self.which.names if place is None else ():
            known = await self.subject.book.latest(tx, tenant=self.which.tenant, name=name)
            if known is None or not current_caller().covers(known.snapshot["station"]):
                raise self.subject.not_found(name)

    async def head(self, tx: Tx) -> Cursor:
        """The end of the event log."""
        return await head(tx)

    async def present(
        self, tx: Tx, place: WatchPosition, limit: int
    ) -> tuple[list[tuple[Entry, Listed]], Listed | None]:
        """Present states: of all that are named, else of those that are not finished."""
        which, subject = self.which, self.subject
        present = which if which.names else replace(which, states=subject.unfinished)
        entries, more = await subject.book.list_page(tx, present, after=place.listed, limit=limit)
        told = [
            (entry, (subject.created(entry), entry.name))
            for entry in entries
            if _cursor_of(entry) <= place.cursor
        ]
        return told, more

    async def changes(self, tx: Tx, cursor: Cursor, limit: int) -> list[tuple[Entry, Cursor]]:
        """Entries of the log."""
        entries = await self.subject.book.read_after(tx, cursor, self.which, limit)
        return [(entry, _cursor_of(entry)) for entry in entries]


def _cursor_of(entry: Entry) -> Cursor:
    return Cursor(entry.tx_id, entry.seq)
