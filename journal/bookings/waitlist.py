"""The waiting list's entries as they are kept: `record` is the one place where they are written.

Whoever changes an entry has locked its pool.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from domain.bookings.admission import WINDOW
from domain.bookings.booking import Booking
from domain.bookings.policies.policy import BookingPolicy
from domain.bookings.waiting import LineNow, Waiter, due_time, followed
from fleet import bookings
from fleet.bookings import WaitlistRow
from fleet.engine.statements import Tx
from journal.bookings.rows import known_pool


def waiter_from(row: WaitlistRow) -> Waiter:
    """The entry of a row."""
    return msgspec.convert(row.snapshot, Waiter)


def waiter_told(snapshot: dict[str, Any]) -> Waiter:
    """The entry as it was after a change, by the snapshot of the log."""
    return msgspec.convert(snapshot, Waiter)


async def line_now(tx: Tx, tenant: str, pool: str, now: datetime) -> LineNow:
    """Who waits in a pool, or has an offer there, and by which policy."""
    known = await known_pool(tx, tenant, pool)
    waiting = [waiter_from(row) for row in await bookings.waiting_in(tx, tenant, pool)]
    return LineNow(waiting, known.venue.policy if known else BookingPolicy(), now)


async def lines_now(tx: Tx, waiters: Sequence[Waiter], now: datetime) -> dict[str, LineNow]:
    """The same of the pools of entries of one tenant, by their names."""
    pools = {each.pool: each.tenant for each in waiters}
    return {pool: await line_now(tx, tenant, pool, now) for pool, tenant in sorted(pools.items())}


async def record(
    tx: Tx, after: Waiter, due: datetime | None, before: Waiter | None = None
) -> Waiter:
    """Writes an entry, as its next revision where it was there before and is not the same.

    Every change of every entry comes through here, and is told by the log: so each is told once.
    due: when something has to be done about it next.
    """
    if after == before:
        await bookings.put_due_time(tx, after.tenant, after.name, due)
        return after
    written = after if before is None else replace(after, revision=before.revision + 1)
    entry = written.entry
    row = WaitlistRow(
        written.tenant,
        written.name,
        written.pool,
        entry.state.value,
        written.revision,
        entry.start,
        entry.end,
        due,
        msgspec.to_builtins(written),
    )
    await bookings.put_waitlist_entry(tx, row)
    return written


async def follow(tx: Tx, booking: Booking, policy: BookingPolicy) -> None:
    """What a changed booking means for who waits: its own offer, and the room that it has left."""
    if booking.waitlist_entry:
        await _follow_offer(tx, booking, policy)
    if booking.ended and booking.end_of_life_time is not None:
        span = booking.start_time, booking.end_time
        await ask_again(tx, booking.tenant, booking.pool, span, booking.end_of_life_time)


async def ask_again(
    tx: Tx, tenant: str, pool: str, span: tuple[datetime, datetime], now: datetime
) -> None:
    """There may be room in this span: who waits is asked again. Others may be moved, near to it."""
    start, end = span
    await bookings.ask_again(tx, tenant, pool, (start - WINDOW, end + WINDOW), now)


async def _follow_offer(tx: Tx, booking: Booking, policy: BookingPolicy) -> None:
    row = await bookings.waitlist_entry(tx, booking.tenant, booking.waitlist_entry)
    if row is None:
        return
    before = waiter_from(row)
    after = followed(before, booking)
    if after != before:
        now = booking.end_of_life_time or booking.start_time
        await record(tx, after, due_time(after, policy, now), before)
