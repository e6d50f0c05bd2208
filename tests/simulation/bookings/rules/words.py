"""What the judge of bookings is shown: plain words and times, and the stations' own records."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.simulation.bookings.pool_record import PoolRecord
from tests.simulation.bookings.scenes import Terms
from tests.simulation.station.tempers import Temper
from tests.simulation.station.truth import TrueSession, Truth

LIVE = frozenset({"PENDING", "CONFIRMED", "BOUND", "HELD", "IN_USE", "OVERSTAYED"})
"""The states in which a booking has a place in the plan."""

ROUGHLY = timedelta(seconds=2)
"""How much earlier or later than told something may have been."""

SLOW_S = 12.0
"""How long words to and from Temporal, the database and a slow station take together."""


@dataclass(frozen=True)
class BookingWords:
    """A booking as its row told it from `at` on. charged: the occasions. place: of the plan.

    blocked: the place at which somebody else is told to be in its way; "": nobody is.
    """

    at: datetime
    state: str
    cause: str
    place: str
    charged: tuple[str, ...]
    reservation: str
    start: datetime
    end: datetime
    blocked: str = ""


@dataclass(frozen=True)
class BookingStory:
    """A booking from its making to its end. token: of its driver.

    is_offer: nobody asked for it: it is what who was displaced was offered, and does not take.
    """

    name: str
    token: str
    told: tuple[BookingWords, ...]
    is_offer: bool = False

    def __str__(self) -> str:
        return f"booking {self.name[:4]} of {self.token}"

    @property
    def last(self) -> BookingWords:
        """How it stands in the end."""
        return self.told[-1]

    def at(self, moment: datetime) -> BookingWords | None:
        """What was told at a moment; None: it was not made yet."""
        return next((one for one in reversed(self.told) if one.at <= moment), None)


@dataclass(frozen=True)
class Closing:
    """A time at which a place is closed. place: "": all of them."""

    begin: datetime
    end: datetime
    place: str


@dataclass(frozen=True)
class StationWords:
    """A station's own record, and what it is like."""

    truth: Truth
    record: PoolRecord
    temper: Temper

    def was_there(self, begin: datetime, end: datetime) -> bool:
        """Whether one connection of it lasted all this time."""
        return any(
            one.begin <= begin and (one.end is None or one.end >= end)
            for one in self.record.present
        )

    def was_seen_away(self, begin: datetime, end: datetime) -> bool:
        """Whether it had no connection all this time, and its gateway had been told so."""
        before = [one for one in self.record.present if one.begin <= end]
        if not before:
            return True
        last = before[-1]
        return last.end is not None and last.end <= begin and not last.unseen


@dataclass(frozen=True)
class BookingCase:
    """A world as the judge of bookings is shown it.

    stations: by identity. numbers: the number of each reservation at its station.
    disturbed_s: how long something of ours did not work. calm: nothing failed at all.
    runs: what is wrong with workflows, in sentences.
    """

    stories: tuple[BookingStory, ...]
    stations: dict[str, StationWords]
    places: tuple[str, ...]
    reserve: int
    closings: tuple[Closing, ...]
    terms: Terms
    numbers: dict[str, int]
    calm: bool
    disturbed_s: float
    ended: datetime
    runs: tuple[str, ...] = ()

    @property
    def patience(self) -> timedelta:
        """How late something may be noticed."""
        return timedelta(seconds=SLOW_S + self.disturbed_s)

    @property
    def grace(self) -> timedelta:
        """How long after its start a place is kept."""
        return timedelta(seconds=self.terms.grace_s)

    @property
    def hold_lead(self) -> timedelta:
        """How long before its start a place is held."""
        return timedelta(seconds=self.terms.hold_lead_s)

    @property
    def late_stop(self) -> timedelta:
        """How long after its end a session may go on."""
        return timedelta(seconds=self.terms.late_stop_s)

    def over(self, words: BookingWords) -> datetime:
        """Until when a driver is waited for."""
        return min(words.start + self.grace, words.end)

    def station(self, place: str) -> StationWords:
        """The station of a place."""
        return self.stations[place.partition("/")[0]]

    def sessions(self, place: str) -> Iterator[TrueSession]:
        """The sessions that really ran at a place."""
        evse = int(place.partition("/")[2])
        return (one for one in self.station(place).truth.sessions if one.evse == evse)

    def everywhere(self) -> Iterator[tuple[str, TrueSession]]:
        """Every session of the pool, with its place."""
        return ((place, one) for place in self.places for one in self.sessions(place))
