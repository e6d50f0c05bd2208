"""A session that goes over from one booking of a driver into his next one.

The next booking takes it, in its own turn: only there is known whether it may stay where it is. The
booking before asks the next one to have its turn, and looks whether the session was taken.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.bookings.admission import room_for
from domain.bookings.booking import Booking
from domain.bookings.enforcement import Kinship, kinship, longest_pause
from domain.bookings.plan import Planned
from domain.bookings.pool import place_of
from domain.bookings.states import IN_USE, BookingState
from fleet import bookings, transactions
from fleet.engine.statements import Tx
from fleet.transactions.rows import ENDED, Transaction
from journal.bookings.places import move, only_at, usable
from journal.bookings.rows import KnownPool, booking_from

_INSTANT = timedelta(microseconds=1)
_HAVE_USED = (*sorted(IN_USE), "FULFILLED")
_MAY_TAKE = ("CONFIRMED", "BOUND", "HELD")


@dataclass(frozen=True)
class Before:
    """The booking just before another one, and its session, which may last into the next one."""

    booking: Booking
    session: Transaction
    kinship: Kinship

    @property
    def place(self) -> str:
        """Where the session is."""
        evse_id = self.session.evse_id
        return place_of(self.session.station, evse_id) if evse_id else self.booking.place

    @property
    def of_same_driver(self) -> bool:
        """Whether it is the same driver for certain."""
        return self.kinship is Kinship.DRIVER

    @property
    def runs(self) -> bool:
        """Whether its car still charges."""
        return self.session.state != ENDED


async def booking_before(tx: Tx, known: KnownPool, booking: Booking) -> Before | None:
    """The booking from which a session may go over into this one; None: there is none.

    Rather that of the same driver than one of his party, and rather one at the booking's place.
    """
    pause = longest_pause(known.venue.policy)
    span = booking.start_time - pause - _INSTANT, booking.start_time
    rows = await bookings.in_span(tx, booking.tenant, booking.pool, span, _HAVE_USED)
    found: list[Before] = []
    for row in rows:
        one = booking_from(row)
        session = await transactions.get(tx, name=one.transaction) if one.transaction else None
        if session is None or one.end_time > booking.start_time or row.name == booking.name:
            continue
        kin = kinship(one, booking, _digests(session))
        over = session.known_stop_time
        if kin is not None and (over is None or over > booking.start_time):
            found.append(Before(one, session, kin))
    order = sorted(found, key=lambda one: (not one.of_same_driver, one.place != booking.place))
    return next(iter(order), None)


async def next_bookings(tx: Tx, known: KnownPool, booking: Booking) -> list[str]:
    """The bookings that may take the session of this one, by their start."""
    rows = await _following(tx, known, booking, _MAY_TAKE)
    return [row.name for row in rows if kinship(booking, row, frozenset()) is Kinship.DRIVER]


async def is_handed_on(tx: Tx, known: KnownPool, booking: Booking, now: datetime) -> bool:
    """Whether a later booking has its session now, be it after a longer pause."""
    pause = longest_pause(known.venue.policy)
    span = booking.end_time, max(booking.end_time + pause, now) + _INSTANT
    rows = await bookings.in_span(tx, booking.tenant, booking.pool, span, _HAVE_USED)
    later = [booking_from(row) for row in rows if row.start_time >= booking.end_time]
    return any(one.transaction == booking.transaction for one in later)


async def stay(
    tx: Tx, known: KnownPool, booking: Booking, before: Before, now: datetime
) -> Booking | None:
    """The booking with the place where its driver's car stands; None: others are promised it.

    Those who were told nothing yet are moved for it. known: locked.
    """
    return await stay_at(tx, known, booking, before.place, now, besides=before.booking.name)


async def stay_at(
    tx: Tx, known: KnownPool, booking: Booking, here: str, now: datetime, *, besides: str = ""
) -> Booking | None:
    """The same for a car that stands at this place. besides: a booking that does not count."""
    if here not in {member.place for member in known.pool.members}:
        return None
    members = [
        member
        for member in known.pool.members
        if member.place == here or await usable(tx, member.place, now)
    ]
    venue, live = await only_at(tx, known, booking, members, besides)
    bound = replace(booking, place=here, state=BookingState.BOUND)
    room = room_for(venue, bound, [*live, booking])
    if not isinstance(room, Planned):
        return None
    await move(tx, booking.tenant, room.plan.places, live)
    return replace(booking, place=here)


async def _following(
    tx: Tx, known: KnownPool, booking: Booking, states: tuple[str, ...]
) -> list[Booking]:
    pause = longest_pause(known.venue.policy)
    span = booking.end_time, booking.end_time + pause + _INSTANT
    rows = await bookings.in_span(tx, booking.tenant, booking.pool, span, states)
    return [booking_from(row) for row in rows if row.start_time >= booking.end_time]


def _digests(session: Transaction) -> frozenset[str]:
    return frozenset(one for one in (session.token_digest, session.group_digest) if one)
