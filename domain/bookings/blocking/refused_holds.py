"""When an EVSE is asked again whose station refused to hold it. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta

from domain.bookings.booking import Booking
from domain.reservations.reservation import Reservation

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
    said = (
        f"{tried} did not hold it, and no other one is free; asked again at {again:%H:%M:%S} UTC."
    )
    return replace(booking, progress=said)
