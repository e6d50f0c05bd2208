"""Watches: present states, then every change; no gap, no repeat.

The log's head is taken once, when a watch begins. It divides what is told in two parts. The first
part is a list: what there is, as it is. The second part is the log itself, read from the head on.

The resume token holds the head and how far each part was told. A client that comes back in the
middle of either part misses nothing and hears no change twice.

What is watched is a `WatchSource`: commands and reservations in `broker.reading.resource_watches`,
stations and transactions in `broker.reading.station_watches`.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

from broker.backend import Backend
from broker.errors import Reason, Refusal, bad_field
from broker.reading.following import LogFollower, next_cursor
from broker.reading.opaque_tokens import BadToken, read_token, write_token
from broker.reading.waiting import either
from fleet.engine.statements import Tx
from fleet.log.order import Cursor

_SHAPE = (int, int, str, str)
_IDLE_S = 30.0
_TOLD = "told"

Listed = tuple[datetime, str]
"""A place in the list of present states: behind the item with this time and name."""

T = TypeVar("T")


@dataclass(frozen=True)
class WatchPosition:
    """How far a watch is.

    cursor: where the log goes on. listed: where the list of present states goes on; None at its
    begin. listing: the list is not told to its end yet.
    """

    cursor: Cursor
    listed: Listed | None
    listing: bool

    def positions(self) -> list[Any]:
        """As the values of a resume token."""
        created, name = self.listed or (None, "")
        phase = _TOLD if not self.listing else created.isoformat() if created else ""
        return [self.cursor.tx_id, self.cursor.seq, phase, name]


class WatchSource(Protocol[T]):
    """What one watch selects, and how it is read. Nothing outside of the caller's scope."""

    def woken(self, follower: LogFollower) -> AbstractContextManager[asyncio.Event]:
        """An event that is set whenever there may be more to tell."""

    async def check(self, tx: Tx, place: WatchPosition | None) -> None:
        """Go on only when the watch can begin, or resume at this place. Raises: Refusal."""

    async def head(self, tx: Tx) -> Cursor:
        """The end of the log."""

    async def present(
        self, tx: Tx, place: WatchPosition, limit: int
    ) -> tuple[list[tuple[T, Listed]], Listed | None]:
        """The next present states with their places, and where the list goes on; None: it ends."""

    async def changes(self, tx: Tx, cursor: Cursor, limit: int) -> list[tuple[T, Cursor]]:
        """At most `limit` changes after the cursor, each with its place."""


class Watcher:
    """Serves watches."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    async def watch(
        self, source: WatchSource[T], selection: str, resume_token: str
    ) -> AsyncGenerator[tuple[T, str], None]:
        """What one watch tells, each with its resume token. Ends only by an error.

        selection: what resume tokens are bound to (`broker.proto.selection`).

        Raises: Refusal.
        """
        with self._backend.watches.one_more():
            place = await self._begin(source, read_place(selection, resume_token))
            async with aclosing(self._follow(source, place)) as told:
                async for item, after in told:
                    yield item, write_token(selection, after.positions())

    async def _follow(
        self, source: WatchSource[T], place: WatchPosition
    ) -> AsyncGenerator[tuple[T, WatchPosition], None]:
        with source.woken(self._backend.follower) as changed:
            while True:
                changed.clear()
                listing = place.listing
                items, place = await self._read(source, place)
                for told in items:
                    yield told
                if self._backend.draining.is_set():
                    raise self._shutting_down()
                if not listing and len(items) < self._backend.settings.watch_batch:
                    await either(changed, self._backend.draining, _IDLE_S)

    async def _begin(self, source: WatchSource[T], known: WatchPosition | None) -> WatchPosition:
        """The place of a watch that is new, or goes on at a known one. Raises: Refusal."""
        async with self._backend.db.read() as tx:
            head = await source.head(tx)
            await source.check(tx, known)
        return known or WatchPosition(head, listed=None, listing=True)

    async def _read(
        self, source: WatchSource[T], place: WatchPosition
    ) -> tuple[list[tuple[T, WatchPosition]], WatchPosition]:
        """What is told next, each with the place after it, and the place after all of it."""
        limit = self._backend.settings.watch_batch
        async with self._backend.db.read() as tx:
            if place.listing:
                listed, more = await source.present(tx, place, limit)
                told = [(item, replace(place, listed=at)) for item, at in listed]
                return told, replace(place, listed=more, listing=more is not None)
            end = await source.head(tx)
            changes = await source.changes(tx, place.cursor, limit)
        told = [(item, replace(place, cursor=at)) for item, at in changes]
        read = [at for _, at in changes]
        return told, replace(place, cursor=next_cursor(place.cursor, end, read, limit))

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
        raise bad_token(text) from error
    return WatchPosition(Cursor(tx_id, seq), listed=listed, listing=True)


def bad_token(why: str) -> Refusal:
    """The refusal of a resume token."""
    return bad_field(Reason.RESUME_TOKEN_INVALID, "resume_token", why)
