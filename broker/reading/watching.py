"""Watches of commands and of reservations: present states, then every change; no gap, no repeat.

The log's head is taken once, when a watch begins. It divides the log in two parts. The first part
is a list: resources whose newest change lies before the head are told as they are. The second part
is the log itself, read from the head on. A resource that changes while the list is being read
leaves the first part and comes in the second. So every change is in exactly one part.

The resume token holds the head and how far each part was told. A client that comes back in the
middle of either part misses nothing and hears nothing twice.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from broker.auth import current_caller
from broker.backend import Backend
from broker.errors import Reason, Refusal, bad_field
from broker.reading.following import next_cursor
from broker.reading.opaque_tokens import BadToken, read_token, write_token
from broker.reading.waiting import either
from fleet.log.event_log import Cursor, Entry, Filter, ResourceLog, head

_SHAPE = (int, int, str, str)
_IDLE_S = 30.0
_TOLD = "told"


@dataclass(frozen=True)
class WatchPosition:
    """How far a watch is.

    cursor: where the log goes on. listed: where the list of present states goes on; None at its
    begin. listing: the list is not told to its end yet.
    """

    cursor: Cursor
    listed: tuple[datetime, str] | None
    listing: bool

    def positions(self) -> list[Any]:
        """As the values of a resume token."""
        created, name = self.listed or (None, "")
        phase = _TOLD if not self.listing else created.isoformat() if created else ""
        return [self.cursor.tx_id, self.cursor.seq, phase, name]


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


class Watcher:
    """Serves the watches of one kind of resource."""

    def __init__(self, backend: Backend, subject: Watched) -> None:
        self._backend = backend
        self._subject = subject

    async def watch(
        self, which: Filter, selection: str, resume_token: str
    ) -> AsyncGenerator[tuple[Entry, str], None]:
        """The entries of one watch, each with its resume token. Ends only by an error.

        selection: what resume tokens are bound to (`broker.proto.selection`).

        Raises: Refusal.
        """
        with self._backend.watches.one_more():
            place = read_place(selection, resume_token) or await self._begin(which)
            async with aclosing(self._follow(which, place)) as told:
                async for entry, after in told:
                    yield entry, write_token(selection, after.positions())

    async def _follow(
        self, which: Filter, place: WatchPosition
    ) -> AsyncGenerator[tuple[Entry, WatchPosition], None]:
        with self._backend.follower.tenant(which.tenant) as changed:
            while True:
                changed.clear()
                listing = place.listing
                entries, place = await self._read(which, place)
                for told in entries:
                    yield told
                if self._backend.draining.is_set():
                    raise self._shutting_down()
                if not listing and len(entries) < self._backend.settings.watch_batch:
                    await either(changed, self._backend.draining, _IDLE_S)

    async def _begin(self, which: Filter) -> WatchPosition:
        """The place of a new watch. Raises: Refusal for a name that is not known."""
        async with self._backend.db.read() as tx:
            place = await head(tx)
            for name in which.names:
                known = await self._subject.book.latest(tx, tenant=which.tenant, name=name)
                if known is None or not current_caller().covers(known.snapshot["station"]):
                    raise self._subject.not_found(name)
        return WatchPosition(place, listed=None, listing=True)

    async def _read(
        self, which: Filter, place: WatchPosition
    ) -> tuple[list[tuple[Entry, WatchPosition]], WatchPosition]:
        """The next entries, each with the place after it, and the place after all of them."""
        if place.listing:
            return await self._list(which, place)
        limit = self._backend.settings.watch_batch
        async with self._backend.db.read() as tx:
            end = await head(tx)
            entries = await self._subject.book.read_after(tx, place.cursor, which, limit)
        told = [(entry, replace(place, cursor=_cursor_of(entry))) for entry in entries]
        read = [_cursor_of(entry) for entry in entries]
        return told, replace(place, cursor=next_cursor(place.cursor, end, read, limit))

    async def _list(
        self, which: Filter, place: WatchPosition
    ) -> tuple[list[tuple[Entry, WatchPosition]], WatchPosition]:
        """Present states: of all that are named, else of those that are not finished."""
        subject = self._subject
        present = which if which.names else replace(which, states=subject.unfinished)
        async with self._backend.db.read() as tx:
            entries, more = await subject.book.list_page(
                tx, present, after=place.listed, limit=self._backend.settings.watch_batch
            )
        told = [
            (entry, replace(place, listed=(subject.created(entry), entry.name)))
            for entry in entries
            if _cursor_of(entry) <= place.cursor
        ]
        return told, replace(place, listed=more, listing=more is not None)

    def _shutting_down(self) -> Refusal:
        return Refusal(
            Reason.SHUTTING_DOWN,
            "This broker shuts down. Connect again with the last resume_token.",
            retry_after=timedelta(seconds=self._backend.settings.unavailable_retry_s),
        )


def read_place(selection: str, token: str) -> WatchPosition | None:
    """The place in a resume token; None without one. Raises: Refusal (RESUME_TOKEN_INVALID)."""
    if not token:
        return None
    try:
        tx_id, seq, phase, name = read_token(selection, token, _SHAPE)
        if phase == _TOLD:
            return WatchPosition(Cursor(tx_id, seq), listed=None, listing=False)
        listed = (datetime.fromisoformat(phase).astimezone(UTC), name) if phase else None
    except (BadToken, ValueError, OverflowError) as error:
        text = str(error) if isinstance(error, BadToken) else "it was not made by this service"
        raise bad_field(Reason.RESUME_TOKEN_INVALID, "resume_token", text) from error
    return WatchPosition(Cursor(tx_id, seq), listed=listed, listing=True)


def _cursor_of(entry: Entry) -> Cursor:
    return Cursor(entry.tx_id, entry.seq)
