"""Takes bookings: the rules and the plan are asked, and the answer is written, in one transaction.

The pool's row is locked first. So two callers who want the last place come one after the other,
and the second one meets the booking of the first.
"""

from dataclasses import dataclass, replace

from domain.bookings.admission import BookingDecision, decide, span_read
from domain.bookings.booking import Booking
from domain.bookings.plan import Planned
from fleet import bookings
from fleet.engine.statements import Tx
from journal.bookings.rows import (
    QUOTA_STATES,
    KnownPool,
    booking_from,
    booking_row,
    due_time,
    known_policy,
)
from journal.bookings.story import details_content
from journal.explain.bookings import BookingDetails


@dataclass(frozen=True)
class AdmittedBooking:
    """What became of a request. booking: None when it was not taken."""

    decision: BookingDecision
    booking: Booking | None = None


async def weigh(tx: Tx, known: KnownPool, new: Booking) -> tuple[BookingDecision, list[Booking]]:
    """What the rules and the plan say of a booking, and the others that they looked at."""
    span = span_read(known.venue, new.start_time, new.end_time)
    rows = await bookings.in_span(tx, new.tenant, new.pool, span, QUOTA_STATES)
    others = [booking_from(row) for row in rows if row.name != new.name]
    return decide(known.venue, new, others), others


async def admit(tx: Tx, known: KnownPool, new: Booking) -> AdmittedBooking:
    """Takes a booking when every rule allows it and there is a plan with it. known: locked."""
    decision, others = await weigh(tx, known, new)
    if not isinstance(decision.room, Planned):
        return AdmittedBooking(decision)
    plan = decision.room.plan.places
    moved = 0
    for other in others:
        if plan.get(other.name, other.place) != other.place:  # nobody was told: it is not bound
            await bookings.place_booking(tx, other.tenant, other.name, plan[other.name])
            moved += 1
    made = replace(
        new,
        place=plan[new.name],
        policy_revision=known.venue.policy.revision,
        charges=tuple(charge for verdict in decision.verdicts for charge in verdict.charges),
    )
    details = details_content(BookingDetails(decision.verdicts, moved))
    await bookings.put_booking(tx, booking_row(made, due_time(made, known.venue.policy)), details)
    return AdmittedBooking(decision, made)


async def change(tx: Tx, after: Booking) -> Booking:
    """Writes a changed booking, as its next revision. Its row has to be locked, or its pool."""
    policy = await known_policy(tx, after.tenant, after.policy, after.policy_revision)
    written = replace(after, revision=after.revision + 1)
    await bookings.put_booking(
        tx, booking_row(written, due_time(written, policy) if policy else None)
    )
    return written
