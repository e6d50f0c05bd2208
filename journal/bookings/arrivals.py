"""Finds the session of a booking's driver who did not use its hold.

A driver may come before the place is held, or plug in at another EVSE of the pool. The session is
known by its token, or the token's group, then.
"""

from domain.bookings.booking import Booking
from domain.bookings.enforcement import slot_of
from domain.bookings.policies.policy import BookingPolicy
from domain.bookings.pool import place_of
from fleet import bookings, transactions
from fleet.engine.statements import Tx
from fleet.transactions.rows import Transaction
from journal.bookings.rows import KnownPool, booking_from

_MAY_HAVE_IT = (*bookings.LIVE, "FULFILLED")


async def session_of(
    tx: Tx, known: KnownPool, booking: Booking, policy: BookingPolicy
) -> Transaction | None:
    """The newest session of the booking's tokens in its pool and its time; None: there is none.

    Not one that was refused, that began after the booking had ended, or that is another booking's.
    """
    slot = slot_of(booking, policy)
    until = min(booking.end_time, booking.end_of_life_time or booking.end_time)
    stations = {member.station for member in known.pool.members}
    members = {member.place for member in known.pool.members}
    found = await transactions.of_tokens(tx, stations, slot.tokens, since=slot.opens)
    mine = [
        one
        for one in found
        if one.authorized
        and one.evse_id
        and place_of(one.station, one.evse_id) in members
        and slot.opens <= (one.start_time or one.received_time) < until
    ]
    if not mine:
        return None
    span = slot.opens, booking.end_time
    rows = await bookings.in_span(tx, booking.tenant, booking.pool, span, _MAY_HAVE_IT)
    taken = {booking_from(row).transaction for row in rows if row.name != booking.name}
    return next((one for one in mine if one.name not in taken), None)
