"""Watches of commands and of reservations: present states, then every change; no gap, no repeat.

The log's head is taken once, when a watch begins, and it parts the log in two. Resources whose
newest change lies before the head are told as they are; everything after the head is told by
reading the log from there. One that changes while its present state is being listed falls
out of the first part and comes in the second: no change can be in both, and none in neither. The
resume token holds the head and how far each part was told, so that the same holds when a client
comes back in the middle of either.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from evcommand.v1 import remote_command_service_pb2 as pb
from evcommand.v1 import reservation_service_pb2 as reservations_pb

from broker.auth import current_caller
from broker.commands.submitting import Backend
from broker.errors import Reason, Refusal, bad_field
from broker.reading.following import next_cursor
from broker.reading.opaque_tokens import BadToken, read_token, selection_digest, write_token
from broker.reading.waiting import either
from fleet.log.event_log import Cursor, Entry, Filter, ResourceLog, head

_NOT_SELECTING = frozenset({"resume_token"})
_SHAPE = (int, int, str, str)
_IDLE_S = 30.0
_TOLD = "told"


@dataclass(frozen=True)
class Place:
    """How far a watch is. `listed`: where the list of present states goes on; None: it is told."""

    cursor: Cursor
    listed: tuple[datetime, str] | None
    listing: bool

    def positions(self) -> list[Any]:
        """As the values of a resume token."""
        created, name = self.listed or (None, "")
        phase = _TOLD if not self.listing else created.isoformat() if created else ""
        return [self.cursor.tx_id, self.cursor.seq, phase, name]


Request = TypeVar("Request", pb.WatchCommandsRequest, reservations_pb.WatchReservationsRequest)
Reply = TypeVar("Reply", pb.WatchCommandsResponse, reservations_pb.WatchReservationsResponse)


@dataclass(frozen=True)
class Subject(Generic[Request, Reply]):
    """What is watched. unfinished: the states whose present state is told without being named."""

    method: str
    book: ResourceLog
    unfinished: tuple[str, ...]
    chosen: Callable[[Request, str], Filter]
    reply: Callable[[Entry, str], Reply]
    created: Callable[[Entry], datetime]
    not_found: Callable[[str], Refusal]


class Watches:
    """How many watches this process serves, of whatever kind."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Counts one. Raises: Refusal (TOO_MANY_WATCHES)."""
        if self._open >= self._most:
            raise _too_many()
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1


class Watcher(Generic[Request, Reply]):
    """Serves the watches of one kind of resource."""

    def __init__(
        self, backend: Backend, watches: Watches, subject: Subject[Request, Reply]
    ) -> None:
        self._backend = backend
        self._watches = watches
        self._subject: Subject[Request, Reply] = subject

    async def watch(self, request: Request) -> AsyncIterator[Reply]:
        """The messages of one watch. Ends only by an error or with the call."""
        with self._watches.one():
            async for reply in self._watch(request):
                yield reply

    async def _watch(self, request: Request) -> AsyncIterator[Reply]:
        tenant = current_caller().tenant
        subject = self._subject
        selection = selection_digest(tenant, subject.method, request, _NOT_SELECTING)
        which = subject.chosen(request, tenant)
        place = read_place(selection, request.resume_token) or await self._begin(which)
        with self._backend.follower.tenant(tenant) as changed:
            while True:
                changed.clear()
                listing = place.listing
                entries, place = await self._read(which, place)
                for entry, after in entries:
                    yield subject.reply(entry, write_token(selection, after.positions()))
                if self._backend.draining.is_set():
                    raise self._shutting_down()
                if not listing and len(entries) < self._backend.settings.watch_batch:
                    await either(changed, self._backend.draining, _IDLE_S)

    async def _begin(self, which: Filter) -> Place:
        """The place of a watch that begins. Raises: Refusal for a name that is not known."""
        async with self._backend.db.read() as tx:
            place = await head(tx)
            for name in which.names:
                if await self._subject.book.latest(tx, tenant=which.tenant, name=name) is None:
                    raise self._subject.not_found(name)
        return Place(place, listed=None, listing=True)

    async def _read(self, which: Filter, place: Place) -> tuple[list[tuple[Entry, Place]], Place]:
        """What comes next, each with the place after it; and the place after all of it."""
        if place.listing:
            return await self._list(which, place)
        limit = self._backend.settings.watch_batch
        async with self._backend.db.read() as tx:
            end = await head(tx)
            entries = await self._subject.book.read_after(tx, place.cursor, which, limit)
        told = [(entry, replace(place, cursor=_cursor_of(entry))) for entry in entries]
        return told, replace(place, cursor=next_cursor(place.cursor, end, entries, limit))

    async def _list(self, which: Filter, place: Place) -> tuple[list[tuple[Entry, Place]], Place]:
        """Present states: of the named ones whatever they are, else of those not finished."""
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


def _too_many() -> Refusal:
    return Refusal(
        Reason.TOO_MANY_WATCHES,
        "Too many watches are open at this broker. Watch `all` or a station instead of many "
        "single names, or try again later.",
        retry_after=timedelta(seconds=10),
    )


def read_place(selection: str, token: str) -> Place | None:
    """The place in a resume token; None without one. Raises: Refusal (RESUME_TOKEN_INVALID)."""
    if not token:
        return None
    try:
        tx_id, seq, phase, name = read_token(selection, token, _SHAPE)
        if phase == _TOLD:
            return Place(Cursor(tx_id, seq), listed=None, listing=False)
        listed = (datetime.fromisoformat(phase).astimezone(UTC), name) if phase else None
    except (BadToken, ValueError, OverflowError) as error:
        text = str(error) if isinstance(error, BadToken) else "it was not made by this service"
        raise bad_field(Reason.RESUME_TOKEN_INVALID, "resume_token", text) from error
    return Place(Cursor(tx_id, seq), listed=listed, listing=True)


def _cursor_of(entry: Entry) -> Cursor:
    return Cursor(entry.tx_id, entry.seq)
