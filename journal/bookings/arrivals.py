"""Finds the session of a booking's driver who did not use its hold.

A driver may come before the place is held, or plug in at another EVSE of the pool. The session is
known by its token, or the token's group, then. He may also charge there already, since before his
booking was his to use; and who plugs in again in his time uses his booking on.
"""

from dataclasses import replace
from datetime import datetime

from domain.bookings.booking import Booking
from domain.bookings.carrying import LEFT_AFTER
from domain.bookings.enforcement import slot_of
from domain.bookings.policies.policy import BookingPolicy
from domain.bookings.pool import place_of
from domain.bookings.states import IN_USE
from fleet import bookings, transactions
from fleet.engine.statements import Tx
from fleet.transactions.judged import may_charge
from fleet.transactions.rows import ENDED, Transaction
from journal.bookings.admitting import change
from journal.bookings.entries import LONGEST_EARLY
from journal.bookings.rows import KnownPool, booking_from, locked_pool

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
        if may_charge(one)
        and one.evse_id
        and place_of(one.station, one.evse_id) in members
        and slot.opens <= (one.start_time or one.received_time) < until
    ]
    return await _not_anothers(tx, booking, mine, slot.opens)


async def note_card(tx: Tx, booking: Booking, now: datetime) -> None:
    """A card of its driver was shown at a station of its pool in its time: he came.

    Whether he could charge nobody knows, so that he is no no-show. The first time counts.
    """
    await locked_pool(tx, booking.tenant, booking.pool)
    row = await bookings.booking(tx, booking.tenant, booking.name)
    known = booking_from(row) if row is not None else booking
    if row is not None and awaits_card(known):
        seen = replace(known, card_time=now, progress="Its driver's card was shown.")
        await change(tx, seen)


def awaits_card(booking: Booking) -> bool:
    """Whether it is news that a card of its driver is shown."""
    return not booking.ended and booking.card_time is None and booking.state not in IN_USE


async def again(
    tx: Tx, known: KnownPool, booking: Booking, policy: BookingPolicy, first: Transaction
) -> Transaction:
    """The session by which a booking is used on after its first one; that one, when there is none.

    Who comes back later than a place is kept for that has no place any more.
    """
    over = first.known_stop_time
    if first.state != ENDED or over is None:
        return first
    newest = await session_of(tx, known, booking, policy)
    if newest is None or newest.received_time <= first.received_time:
        return first
    until = max(over, booking.start_time) + LEFT_AFTER
    return newest if (newest.start_time or newest.received_time) <= until else first


async def there_before(tx: Tx, known: KnownPool, booking: Booking) -> Transaction | None:
    """The session of its driver that runs in its pool since before its time; None: there is none.

    Of his own token: another one of his group may be a colleague, who uses no booking.
    """
    stations = {member.station for member in known.pool.members}
    members = {member.place for member in known.pool.members}
    digest, since = booking.id_token.digest, booking.start_time - LONGEST_EARLY
    found = await transactions.of_tokens(tx, stations, {digest}, since=since)
    mine = [
        one
        for one in found
        if may_charge(one)
        and one.state != ENDED
        and one.token_digest == digest
        and one.evse_id
        and place_of(one.station, one.evse_id) in members
    ]
    return await _not_anothers(tx, booking, mine, since, goes_over=True)


async def _not_anothers(
    tx: Tx,
    booking: Booking,
    sessions: list[Transaction],
    since: datetime,
    *,
    goes_over: bool = False,
) -> Transaction | None:
    """The first one of these that no other booking has.

    goes_over: that of a booking of the same driver whose time is over may be had, too.
    """
    if not sessions:
        return None
    span = since, booking.end_time
    rows = await bookings.in_span(tx, booking.tenant, booking.pool, span, _MAY_HAVE_IT)
    others = [booking_from(row) for row in rows if row.name != booking.name]
    mine, begins = booking.id_token.digest, booking.start_time
    taken = {
        one.transaction
        for one in others
        if not (goes_over and one.end_time <= begins and one.id_token.digest == mine)
    }
    return next((one for one in sessions if one.name not in taken), None)
