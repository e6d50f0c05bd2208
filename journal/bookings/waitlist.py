"""The waiting list's entries as they are kept: `record` is the one place where they are written.

Whoever changes an entry has locked its pool.
"""

from dataclasses import replace
from datetime import datetime

import msgspec

from domain.bookings.admission import WINDOW
from domain.bookings.booking import Booking
from domain.bookings.policies.policy import BookingPolicy
from domain.bookings.waiting import Waiter, due_time, followed
from fleet import bookings
from fleet.bookings import WaitlistRow
from fleet.engine.statements import Tx


def waiter_from(row: WaitlistRow) -> Waiter:
    """The entry of a row."""
    return msgspec.convert(row.snapshot, Waiter)


async def record(
    tx: Tx, after: Waiter, due: datetime | None, before: Waiter | None = None
) -> Waiter:
    """Writes an entry, as its next revision where it was there before.

    Every change of every entry comes through here, with what it was before: whoever tells others of
    changes has it from here. due: when something has to be done about it next.
    """
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
