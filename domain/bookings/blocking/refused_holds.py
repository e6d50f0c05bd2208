"""What becomes of a booking whose hold every station refuses, though an EVSE is free. Pure.

The place is its driver's by the plan, also where no station can hold it. So it stays, its token is
let in there and those of others are not, and the stations are asked again after pauses. What it is
not told is that the place is sure: whoever the station itself lets in may take it first.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from domain.bookings.booking import Booking
from domain.bookings.pool import evse_of
from domain.bookings.states import IN_USE, BookingCause
from domain.reservations.reservation import Reservation, ReservationState

NONE_USABLE = "No EVSE of the pool can be used; it is looked for one."
"""The progress of a booking for which an EVSE is looked for in vain."""

FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=10)
"""After which time at the latest an EVSE is asked again, after a hold that came to nothing."""


def asked_again_time(booking: Booking, hold: Reservation) -> datetime:
    """When the EVSEs that were tried may be tried again. hold: the last one, which has ended.

    The pause grows with each round: a station that refuses does so again, and each question is
    work for it.
    """
    rounds = max(booking.holds - 1, 0) // max(len(booking.tried), 1)
    pause = min(FIRST_PAUSE * (1 << min(rounds, 10)), LONGEST_PAUSE)
    return (hold.end_time or hold.create_time) + pause


def refused_for_now(booking: Booking, again: datetime) -> Booking:
    """The booking while no EVSE is held for it and none is asked."""
    tried = f"{len(booking.tried)} EVSEs" if len(booking.tried) > 1 else "The EVSE"
    asked = f"asked again at {again:%H:%M:%S} UTC"
    return replace(booking, progress=f"{tried} did not hold it, and no other one is free; {asked}.")


def kept_unheld(booking: Booking, again: datetime) -> Booking:
    """The same once its time has begun, and its EVSE is free: it is its driver's unheld."""
    station, evse_id = evse_of(booking.place)
    said = (
        f"No station holds it. EVSE {evse_id} of station {station} is its place all the same, and "
        f"is free; somebody else may take it first. Asked again at {again:%H:%M:%S} UTC."
    )
    return replace(booking, progress=said)


def end_unheld(
    booking: Booking, hold: Reservation | None, *, usable: bool | None, blocked: bool
) -> BookingCause:
    """Why a booking ends which no station holds when its time is over, and nobody was seen.

    hold: the last one, which has ended; None: no station was asked. usable: whether its EVSE can be
    used. blocked: somebody else charges there.
    """
    if booking.state in IN_USE:
        return BookingCause.USE_NOT_KNOWN
    if hold is None:
        none_found = not booking.place and booking.progress == NONE_USABLE
        lost = blocked or usable is False or none_found
        return BookingCause.NO_PLACE_LEFT if lost else BookingCause.USE_NOT_KNOWN
    if blocked:
        return BookingCause.NO_PLACE_LEFT
    if hold.state is not ReservationState.REFUSED or usable is None:  # its station is away
        return BookingCause.USE_NOT_KNOWN
    return BookingCause.NO_PLACE_LEFT if usable is False else BookingCause.NOT_HELD
