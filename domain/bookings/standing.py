"""A booking as those see it that are asked beside it: no more than rules and plan need.

A search looks at thousands of bookings. Their snapshots are not read for it.
"""

from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from domain.bookings.places import Needs
from domain.bookings.policies.requests import BookingRequest
from domain.bookings.states import BOOKING_ENDS, BookingState


class Neighbour(Protocol):
    """What is asked of another booking. A whole `Booking` tells it, and so does a narrow row."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def state(self) -> BookingState:
        """Where it stands."""

    @property
    def place(self) -> str:
        """Where the plan has it."""

    @property
    def needs(self) -> Needs:
        """What it needs of a place."""

    @property
    def start_time(self) -> datetime:
        """From when on it has its place."""

    @property
    def end_time(self) -> datetime:
        """Until when."""

    @property
    def pause(self) -> timedelta:
        """The least time after it on its place that it was promised."""

    @property
    def request(self) -> BookingRequest:
        """What was asked for, as the rules see it."""

    @property
    def ended(self) -> bool:
        """Whether it has come to its end."""


class StandingBooking(NamedTuple):
    """A booking, narrowly. request: an ended one takes its place no longer.

    A tuple, because a search makes two thousand of them: a frozen dataclass costs four times more.
    """

    name: str
    state: BookingState
    place: str
    needs: Needs
    start_time: datetime
    end_time: datetime
    request: BookingRequest
    pause: timedelta = timedelta(0)

    @property
    def ended(self) -> bool:
        """Whether it has come to its end."""
        return self.state in BOOKING_ENDS


def standing_of(booking: Neighbour) -> StandingBooking:
    """A whole booking, narrowly."""
    return StandingBooking(
        booking.name,
        booking.state,
        booking.place,
        booking.needs,
        booking.start_time,
        booking.end_time,
        booking.request,
        booking.pause,
    )
