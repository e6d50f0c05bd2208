"""Watches of waiting lists: who waits or has an offer, then every change.

Where an entry stands in the line moves with what others do. It is told as it is at the moment at
which the entry is told, and is no change of the entry.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager, aclosing

from evcommand.v1 import waitlist_pb2 as pb

from broker.auth import current_caller
from broker.bookings.lookups import entry_of_caller
from broker.bookings.watching import PoolWatch, WatchedInPools, check_selection
from broker.proto.booking import names
from broker.proto.booking.waitlist import entry_out
from broker.proto.selection import watch_selection
from broker.reading.following import LogFollower
from broker.reading.watching import Listed, Watcher
from fleet import bookings
from fleet.bookings import WaitlistFilter, WaitlistRow
from fleet.engine.statements import Tx
from fleet.log.pool_logs import WAITLIST_LOG, PoolChange
from journal.bookings.waitlist import lines_now, waiter_told
from journal.clock import Clock


class WaitlistWatch(PoolWatch[pb.WaitlistEntry, WaitlistRow]):
    """Entries of waiting lists. clock: the time now."""

    def __init__(self, which: WatchedInPools, clock: Clock) -> None:
        super().__init__(which, WAITLIST_LOG)
        self._clock = clock

    def woken(self, follower: LogFollower) -> AbstractContextManager[asyncio.Event]:
        """Whenever a waiting list of the tenant may have changed."""
        return follower.waitlists(self._which.caller.tenant)

    async def _check_name(self, tx: Tx, name: str) -> None:
        await entry_of_caller(tx, name)

    async def _row(self, tx: Tx, id: str) -> WaitlistRow | None:
        return await bookings.waitlist_entry(tx, self._which.caller.tenant, id)

    async def _page(self, tx: Tx, after: Listed | None, limit: int) -> list[WaitlistRow]:
        tenant, pool = self._which.caller.tenant, self._which.pool or ""
        which = WaitlistFilter(tenant, pool, bookings.WAITING_OR_OFFERED)
        return await bookings.waitlist_page(tx, which, after, limit)

    async def _shown(
        self, tx: Tx, found: Sequence[WaitlistRow] | Sequence[PoolChange]
    ) -> list[pb.WaitlistEntry]:
        waiters = [waiter_told(each.snapshot) for each in found]
        lines = await lines_now(tx, waiters, self._clock())
        return [entry_out(each, lines[each.pool]) for each in waiters]


async def watch(
    watcher: Watcher, request: pb.WatchWaitlistRequest, clock: Clock
) -> AsyncGenerator[pb.WatchWaitlistResponse, None]:
    """Tells the entries that a checked request selects, and their changes."""
    caller = current_caller()
    source = WaitlistWatch(WatchedInPools.of(caller, request, names.parse_waitlist_entry), clock)
    selection = watch_selection(caller.tenant, request)
    async with aclosing(watcher.watch(source, selection, request.resume_token)) as told:
        async for entry, token in told:
            yield pb.WatchWaitlistResponse(entry=entry, resume_token=token)


def check_request(request: pb.WatchWaitlistRequest) -> None:
    """Go on only with a good request. Raises: Refusal (INVALID_ARGUMENT)."""
    check_selection(request, names.waitlist_entry_field)
