"""Takes bookings: the rules and the plan are asked, and the answer is written, in one transaction.

The pool's row is locked first. So two callers who want the last place come one after the other,
and the second one meets the booking of the first.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from domain.bookings.admission import BookingDecision, decide
from domain.bookings.booking import Booking
from domain.bookings.plan import Planned
from domain.bookings.policies.policy import BookingPolicy
from domain.bookings.spans import Span
from domain.bookings.standing import StandingBooking
from fleet import bookings
from fleet.engine.statements import Tx
from journal.bookings import places, waitlist
from journal.bookings.beside import read_standing, standing_beside
from journal.bookings.rows import KnownPool, booking_row, due_time, known_policy
from journal.bookings.story import details_content
from journal.explain.bookings import BookingDetails


@dataclass(frozen=True)
class AdmittedBooking:
    """What became of a request. booking: None when it was not taken."""

    decision: BookingDecision
    booking: Booking | None = None


async def weigh(
    tx: Tx,
    known: KnownPool,
    new: Booking,
    was: Booking | None = None,
    *,
    now: datetime | None = None,
) -> tuple[BookingDecision, list[StandingBooking]]:
    """What the rules and the plan say of a booking, and the others that they looked at.

    was: as it stands, where it is to be changed. now: when it is asked for; None: when it is made.
    """
    asked = Span(new.start_time, new.end_time)
    others = read_standing(await standing_beside(tx, known, new, asked, new.start_time))
    evses = await places.known_now(tx, known, new.start_time, now or new.create_time)
    return decide(known.venue, new, others, was, evses), others


async def admit(tx: Tx, known: KnownPool, new: Booking) -> AdmittedBooking:
    """Takes a booking when every rule allows it and there is a plan with it. known: locked."""
    decision, others = await weigh(tx, known, new)
    made = await enter(tx, known, new, decision, others)
    return AdmittedBooking(decision, made)


async def enter(
    tx: Tx, known: KnownPool, new: Booking, decision: BookingDecision, others: list[StandingBooking]
) -> Booking | None:
    """Writes a booking for which there is a plan, and whom it moves. None: there is none."""
    if not isinstance(decision.room, Planned):
        return None
    plan = decision.room.plan.places
    moved = await places.move(tx, new.tenant, plan, others)
    made = taken(known, new, decision, plan[new.name])
    details = details_content(BookingDetails(decision.verdicts, moved))
    await bookings.put_booking(tx, booking_row(made, due_time(made, known.venue.policy)), details)
    return made


def taken(known: KnownPool, new: Booking, decision: BookingDecision, place: str) -> Booking:
    """A booking that is taken, with its place, what it costs, and the policy by which it is."""
    return replace(
        new,
        place=place,
        policy_revision=known.venue.policy.revision,
        pause=known.venue.policy.buffer,
        charges=tuple(charge for verdict in decision.verdicts for charge in verdict.charges),
    )


async def change(tx: Tx, after: Booking) -> Booking:
    """Writes a changed booking, as its next revision, and what that means for who waits.

    Its pool has to be locked.
    """
    policy = await known_policy(tx, after.tenant, after.policy, after.policy_revision)
    written = replace(after, revision=after.revision + 1)
    await bookings.put_booking(
        tx, booking_row(written, due_time(written, policy) if policy else None)
    )
    await waitlist.follow(tx, written, policy or BookingPolicy())
    return written
