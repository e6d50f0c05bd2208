"""Watches of bookings: present states, then every change. See `broker.reading.watching`.

A booking that changes while the list of present states is being told leaves the list and comes in
the log, so that every change is in exactly one of the two.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, aclosing

from evcommand.v1 import booking_service_pb2 as pb

from broker.access.caller import Caller
from broker.auth import current_caller
from broker.bookings.lookups import booking_of_caller, covered_pools, pool_of_caller
from broker.errors import FieldViolation, check
from broker.proto.booking import names
from broker.proto.booking.bookings import booking_out
from broker.proto.fields import MAX_WATCHED_NAMES, Findings
from broker.proto.selection import watch_selection
from broker.reading.following import LogFollower
from broker.reading.paging import cut_page
from broker.reading.watching import Listed, Watcher, WatchPosition
from domain.bookings.booking import Booking
from fleet import bookings
from fleet.bookings import BookingFilter
from fleet.engine.statements import Tx
from fleet.log import bookings as log
from fleet.log.bookings import BookingSelection
from fleet.log.order import Cursor
from journal.bookings.rows import booking_from, booking_told


async def watch(
    watcher: Watcher, request: pb.WatchBookingsRequest
) -> AsyncGenerator[pb.WatchBookingsResponse, None]:
    """Tells the bookings that a checked request selects, and their changes."""
    caller = current_caller()
    source = BookingWatch(caller, request)
    selection = watch_selection(caller.tenant, request)
    async with aclosing(watcher.watch(source, selection, request.resume_token)) as told:
        async for booking, token in told:
            yield pb.WatchBookingsResponse(booking=booking_out(booking), resume_token=token)


def check_watch(request: pb.WatchBookingsRequest) -> tuple[FieldViolation, ...]:
    """What is wrong with a WatchBookings."""
    findings = Findings()
    chosen = (bool(request.names), bool(request.pool), request.all)
    findings.expect(
        sum(chosen) == 1, "names", "give exactly one of names, pool and all: what to watch"
    )
    findings.expect(
        len(request.names) <= MAX_WATCHED_NAMES, "names", f"at most {MAX_WATCHED_NAMES} names"
    )
    for at, name in enumerate(request.names):
        names.booking_field(findings, f"names[{at}]", name)
    if request.pool:
        names.pool_field(findings, "pool", request.pool)
    return findings.violations


def check_request(request: pb.WatchBookingsRequest) -> None:
    """Go on only with a good request. Raises: Refusal (INVALID_ARGUMENT)."""
    check(check_watch(request))


class BookingWatch:
    """Some bookings of a caller. See `WatchSource`."""

    def __init__(self, caller: Caller, request: pb.WatchBookingsRequest) -> None:
        self._caller = caller
        self._named = list(request.names)
        self._pool_name = request.pool
        self._names = [names.parse_booking(name) or "" for name in request.names]
        self._pool = names.parse_pool(request.pool) if request.pool else None

    def woken(self, follower: LogFollower) -> AbstractContextManager[asyncio.Event]:
        """Whenever a booking of the tenant may have changed."""
        return follower.bookings(self._caller.tenant)

    async def head(self, tx: Tx) -> Cursor:
        """The end of the log of bookings."""
        return await log.head(tx)

    async def check(self, tx: Tx, place: WatchPosition | None) -> None:
        """Raises: Refusal for a name that is not known, when the watch is new."""
        if place is not None:
            return
        for name in self._named:
            await booking_of_caller(tx, name)
        if self._pool_name:
            await pool_of_caller(tx, self._pool_name)

    async def present(
        self, tx: Tx, place: WatchPosition, limit: int
    ) -> tuple[list[tuple[Booking, Listed]], Listed | None]:
        """Present states: of all that are named, else of those that have not ended."""
        tenant, pools = self._caller.tenant, await self._pools(tx)
        if self._names:
            rows = [await bookings.booking(tx, tenant, name) for name in self._names]
            page, last = cut_page([row for row in rows if row is not None], len(rows))
        else:
            which = BookingFilter(tenant, self._pool or "", bookings.LIVE)
            found = await bookings.bookings_page(tx, which, place.listed, limit + 1)
            page, last = cut_page(found, limit)
        newer = await log.changed_since(tx, tenant, [row.name for row in page], place.cursor)
        told = [
            (booking_from(row), (row.start_time, row.name))
            for row in page
            if row.name not in newer and (pools is None or row.pool in pools)
        ]
        return told, (last.start_time, last.name) if last else None

    async def changes(self, tx: Tx, cursor: Cursor, limit: int) -> list[tuple[Booking, Cursor]]:
        """Entries of the log."""
        which = BookingSelection(self._caller.tenant, self._names, await self._pools(tx))
        found = await log.read_after(tx, cursor, which, limit)
        return [(booking_told(each.snapshot), each.cursor) for each in found]

    async def _pools(self, tx: Tx) -> list[str] | None:
        """The pools whose bookings may be told; None: all. Looked at anew: members may change."""
        if not self._caller.groups:
            return None if self._pool is None else [self._pool]
        seen = await covered_pools(tx, self._caller)
        return [pool for pool in seen if self._pool in {None, pool}]
