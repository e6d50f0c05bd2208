"""Watches of what happens in pools: present states, then every change. See
`broker.reading.watching`.

A booking, or one who waits, that changes while the list of present states is being told leaves the
list and comes in the log, so that every change is in exactly one of the two.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from evcommand.v1 import booking_service_pb2 as pb

from broker.access.caller import Caller
from broker.auth import current_caller
from broker.bookings.lookups import booking_of_caller, covered_pools, pool_of_caller
from broker.errors import check
from broker.proto.booking import names
from broker.proto.booking.bookings import booking_out
from broker.proto.fields import MAX_WATCHED_NAMES, Findings
from broker.proto.selection import watch_selection
from broker.reading.following import LogFollower
from broker.reading.paging import cut_page
from broker.reading.watching import Listed, Watcher, WatchPosition, bad_token
from domain.bookings.booking import Booking
from fleet import bookings
from fleet.bookings import BookingFilter, BookingRow, WaitlistRow
from fleet.engine.statements import Tx
from fleet.log.forgotten import has_forgotten
from fleet.log.order import Cursor
from fleet.log.pool_logs import BOOKING_LOG, PoolChange, PoolLog, PoolSelection
from journal.bookings.rows import booking_from, booking_told

T = TypeVar("T")
R = TypeVar("R", BookingRow, WaitlistRow)


class PoolSelected(Protocol):
    """A request that selects by names, by pool, or all."""

    @property
    def names(self) -> Sequence[str]:
        """The names."""

    @property
    def pool(self) -> str:
        """The pool."""

    @property
    def all(self) -> bool:
        """Whether everything is watched."""


def check_selection(
    request: PoolSelected, name_field: Callable[[Findings, str, str], None]
) -> None:
    """Go on only with a good selection. name_field: notes what is wrong with a name.

    Raises: Refusal (INVALID_ARGUMENT).
    """
    findings = Findings()
    chosen = (bool(request.names), bool(request.pool), request.all)
    findings.expect(
        sum(chosen) == 1, "names", "give exactly one of names, pool and all: what to watch"
    )
    findings.expect(
        len(request.names) <= MAX_WATCHED_NAMES, "names", f"at most {MAX_WATCHED_NAMES} names"
    )
    for at, name in enumerate(request.names):
        name_field(findings, f"names[{at}]", name)
    if request.pool:
        names.pool_field(findings, "pool", request.pool)
    check(findings.violations)


@dataclass(frozen=True)
class WatchedInPools:
    """What one watch selects. names: as the contract has them. ids: the same as the fleet does.

    pool: None: of every pool.
    """

    caller: Caller
    names: Sequence[str]
    ids: Sequence[str]
    pool_name: str
    pool: str | None

    @classmethod
    def of(
        cls, caller: Caller, request: PoolSelected, parse: Callable[[str], str | None]
    ) -> "WatchedInPools":
        """What a checked request selects."""
        ids = [parse(name) or "" for name in request.names]
        pool = names.parse_pool(request.pool) if request.pool else None
        return cls(caller, list(request.names), ids, request.pool, pool)


class PoolWatch(ABC, Generic[T, R]):
    """Some things of pools of a caller. See `WatchSource`."""

    def __init__(self, which: WatchedInPools, log: PoolLog) -> None:
        self._which = which
        self._log = log

    @abstractmethod
    def woken(self, follower: LogFollower) -> AbstractContextManager[asyncio.Event]:
        """Whenever one of the tenant may have changed."""

    async def head(self, tx: Tx) -> Cursor:
        """The end of the log."""
        return await self._log.head(tx)

    async def check(self, tx: Tx, place: WatchPosition | None) -> None:
        """Raises: Refusal for an unknown name, or a place behind which changes are forgotten."""
        if place is not None:
            if await has_forgotten(tx, self._log, self._which.caller.tenant, place.cursor):
                raise bad_token("it is older than what is kept of changes")
            return
        for name in self._which.names:
            await self._check_name(tx, name)
        if self._which.pool_name:
            await pool_of_caller(tx, self._which.pool_name)

    async def present(
        self, tx: Tx, place: WatchPosition, limit: int
    ) -> tuple[list[tuple[T, Listed]], Listed | None]:
        """Present states: of all that are named, else of those that have not ended."""
        which, pools = self._which, await self._pools(tx)
        if which.ids:
            named = [await self._row(tx, id) for id in which.ids]
            page, last = cut_page([row for row in named if row is not None], len(named))
        else:
            found = await self._page(tx, place.listed, limit + 1)
            page, last = cut_page(found, limit)
        listed = [row.name for row in page]
        newer = await self._log.changed_since(tx, which.caller.tenant, listed, place.cursor)
        rows = [
            row for row in page if row.name not in newer and (pools is None or row.pool in pools)
        ]
        told = zip(await self._shown(tx, rows), rows, strict=True)
        return (
            [(each, (row.start_time, row.name)) for each, row in told],
            (last.start_time, last.name) if last else None,
        )

    async def changes(self, tx: Tx, cursor: Cursor, limit: int) -> list[tuple[T, Cursor]]:
        """Entries of the log."""
        selection = PoolSelection(self._which.caller.tenant, self._which.ids, await self._pools(tx))
        found = await self._log.read_after(tx, cursor, selection, limit)
        told = zip(await self._shown(tx, found), found, strict=True)
        return [(each, change.cursor) for each, change in told]

    @abstractmethod
    async def _check_name(self, tx: Tx, name: str) -> None:
        """Raises: Refusal for a name that is not known."""

    @abstractmethod
    async def _row(self, tx: Tx, id: str) -> R | None:
        """One of them as it is now."""

    @abstractmethod
    async def _page(self, tx: Tx, after: Listed | None, limit: int) -> list[R]:
        """Those that have not ended, as they are now."""

    @abstractmethod
    async def _shown(self, tx: Tx, found: Sequence[R] | Sequence[PoolChange]) -> list[T]:
        """What is told of each."""

    async def _pools(self, tx: Tx) -> list[str] | None:
        """The pools of which may be told; None: all. Looked at anew: members may change."""
        caller, pool = self._which.caller, self._which.pool
        if not caller.groups:
            return None if pool is None else [pool]
        seen = await covered_pools(tx, caller)
        return [each for each in seen if pool in {None, each}]


class BookingWatch(PoolWatch[Booking, BookingRow]):
    """Bookings."""

    def __init__(self, which: WatchedInPools) -> None:
        super().__init__(which, BOOKING_LOG)

    def woken(self, follower: LogFollower) -> AbstractContextManager[asyncio.Event]:
        """Whenever a booking of the tenant may have changed."""
        return follower.bookings(self._which.caller.tenant)

    async def _check_name(self, tx: Tx, name: str) -> None:
        await booking_of_caller(tx, name)

    async def _row(self, tx: Tx, id: str) -> BookingRow | None:
        return await bookings.booking(tx, self._which.caller.tenant, id)

    async def _page(self, tx: Tx, after: Listed | None, limit: int) -> list[BookingRow]:
        which = BookingFilter(self._which.caller.tenant, self._which.pool or "", bookings.LIVE)
        return await bookings.bookings_page(tx, which, after, limit)

    async def _shown(
        self,
        tx: Tx,  # noqa: ARG002  a booking is told by its row or its change alone
        found: Sequence[BookingRow] | Sequence[PoolChange],
    ) -> list[Booking]:
        return [
            booking_from(each) if isinstance(each, BookingRow) else booking_told(each.snapshot)
            for each in found
        ]


async def watch(
    watcher: Watcher, request: pb.WatchBookingsRequest
) -> AsyncGenerator[pb.WatchBookingsResponse, None]:
    """Tells the bookings that a checked request selects, and their changes."""
    caller = current_caller()
    source = BookingWatch(WatchedInPools.of(caller, request, names.parse_booking))
    selection = watch_selection(caller.tenant, request)
    async with aclosing(watcher.watch(source, selection, request.resume_token)) as told:
        async for booking, token in told:
            yield pb.WatchBookingsResponse(booking=booking_out(booking), resume_token=token)


def check_request(request: pb.WatchBookingsRequest) -> None:
    """Go on only with a good request. Raises: Refusal (INVALID_ARGUMENT)."""
    check_selection(request, names.booking_field)
