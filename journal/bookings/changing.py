"""Changes bookings: asked anew and planned in one transaction, under the lock of the pool.

A change that is refused writes nothing, so that the booking stays what it was.
"""

from dataclasses import replace
from datetime import datetime

from domain.bookings.admission import BookingDecision
from domain.bookings.booking import Booking
from domain.bookings.changes import as_it_counted, asked_now, by_own_terms, recharged, said_of
from domain.bookings.plan import Planned
from domain.bookings.standing import StandingBooking
from domain.bookings.states import EVSE_CHOSEN
from fleet import bookings
from fleet.engine.statements import Tx
from fleet.log.pool_logs import BOOKING_LOG
from journal.bookings import places, waitlist
from journal.bookings.admitting import AdmittedBooking, weigh
from journal.bookings.rows import KnownPool, booking_row, booking_told, due_time, own_policy
from journal.bookings.story import details_content
from journal.bookings.waking import wake_booking
from journal.explain.bookings import BookingDetails


async def weigh_change(
    tx: Tx, known: KnownPool, before: Booking, after: Booking, now: datetime
) -> tuple[BookingDecision, list[StandingBooking]]:
    """What the rules of the booking's revision, and the plan, say of it as it is wished."""
    policy = await own_policy(tx, after)
    venue = by_own_terms(known.venue, policy)
    decision, others = await weigh(tx, replace(known, venue=venue), asked_now(after, now), before)
    counted = as_it_counted(decision.verdicts, before, after, policy, venue.zone)
    return replace(decision, verdicts=counted), others


async def change_booking(
    tx: Tx, known: KnownPool, before: Booking, after: Booking, now: datetime
) -> AdmittedBooking:
    """Takes a booking as it is wished when there is a plan with it. known: locked.

    A booking of the reply that is None was not changed.
    """
    decision, others = await weigh_change(tx, known, before, after, now)
    if not isinstance(decision.room, Planned):
        return AdmittedBooking(decision)
    plan = decision.room.plan.places
    moved = await places.move(tx, after.tenant, plan, others)
    charged = recharged(replace(after, place=plan[after.name]), decision.verdicts)
    details = BookingDetails(decision.verdicts, moved, said_of(before, after))
    changed = await write_change(tx, charged, details)
    left = before.start_time, before.end_time
    await waitlist.ask_again(tx, before.tenant, before.pool, left, now)
    if changed.state in EVSE_CHOSEN:  # its workflow may have to let it go, or to wait for longer
        await wake_booking(tx, changed, "it was changed", now)
    return AdmittedBooking(decision, changed)


async def write_change(tx: Tx, after: Booking, details: BookingDetails) -> Booking:
    """Writes a booking that its holder changed, with what was decided, as its next revision."""
    written = replace(after, revision=after.revision + 1)
    due = due_time(written, await own_policy(tx, written))
    await bookings.put_booking(tx, booking_row(written, due), details_content(details))
    return written


async def as_made(tx: Tx, booking: Booking) -> Booking:
    """The booking as it was when it was made, whatever its holder has changed since."""
    changes = (
        [] if booking.revision == 1 else await BOOKING_LOG.history(tx, booking.tenant, booking.name)
    )
    return booking_told(changes[0].snapshot) if changes else booking


async def change_made(tx: Tx, tenant: str, name: str, change_id: str) -> Booking | None:
    """The booking as it was after the change of this request id; None: there was no such change."""
    for each in await BOOKING_LOG.history(tx, tenant, name):
        if each.details is not None and each.snapshot.get("change_id") == change_id:
            return booking_told(each.snapshot)
    return None
