"""Which bookings a new one is asked beside: those in its way, and those that count for a quota."""

from collections.abc import Iterator
from datetime import datetime

from domain.bookings.admission import CountedSpan, counted, span_planned
from domain.bookings.booking import Booking
from domain.bookings.policies.policy import Per
from domain.bookings.policies.requests import Holder
from domain.bookings.spans import Span
from domain.bookings.standing import StandingBooking
from fleet import bookings
from fleet.bookings import HolderCondition, StandingRow
from fleet.engine.statements import Tx
from journal.bookings.rows import QUOTA_STATES, KnownPool, standing_from


async def standing_beside(
    tx: Tx, known: KnownPool, new: Booking, asked: Span, last: datetime
) -> list[StandingRow]:
    """The rows that rules and plan look at for bookings like `new` within the span.

    last: when the last of them may start. Raises: TooManyBookings.
    """
    tenant, pool = new.tenant, known.row.name
    around = span_planned(known.venue, asked.start, asked.end)
    rows = await bookings.standing_in_span(tx, tenant, pool, around)
    found = {row.name: row for row in rows}
    which = counted(known.venue, new.holder, asked.start, last)
    if which is not None:
        for own in _own(new.holder, which):
            also = await bookings.standing_of_holder(
                tx, tenant, pool, (which.start, which.end), QUOTA_STATES, which=own
            )
            found |= {row.name: row for row in also}
    found.pop(new.name, None)
    return list(found.values())


def read_standing(rows: list[StandingRow]) -> list[StandingBooking]:
    """The rows as rules and plan see them."""
    return [standing_from(row) for row in rows]


def _own(holder: Holder, which: CountedSpan) -> Iterator[HolderCondition]:
    if Per.HOLDER in which.per:
        yield bookings.of_token(holder.token)
    if Per.ACCOUNT in which.per:
        yield bookings.of_account(holder.account, holder.token)
    if Per.GROUP in which.per and holder.groups:
        yield bookings.of_groups(holder.groups)
