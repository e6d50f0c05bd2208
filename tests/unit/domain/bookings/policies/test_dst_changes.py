"""DST changes of half days: both edges of summer time, in three time zones.

Berlin and New York change by an hour, Lord Howe by half an hour, and there it is spring in October.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.bookings.admission import BookablePool, counted, decide
from domain.bookings.booking import Booking
from domain.bookings.plan import Planned, PoolFull
from domain.bookings.policies.local_time import Period, moment
from domain.bookings.policies.policy import (
    BookingPolicy,
    Daily,
    Grid,
    Per,
    Quota,
    QuotaUnit,
    Rule,
    Term,
    Weekday,
    Window,
)
from domain.bookings.policies.requests import BookingRequest, Holder, RequestSurroundings
from domain.bookings.policies.rules import judge
from domain.bookings.states import BookingState
from tests.unit.domain.bookings.bookings_made import booking, pool

MIDNIGHT, NOON = time(0), time(12)
QUARTER, HALF_DAY, DAY = timedelta(minutes=15), timedelta(hours=12), timedelta(days=1)
HALF_DAYS = Grid((Daily(MIDNIGHT, NOON), Daily(NOON, MIDNIGHT)))
NIGHTS = Window(frozenset(Weekday), Daily(time(18), time(6)))
ANNA = Holder("anna")


@dataclass(frozen=True)
class Change:
    """A Sunday on which the clocks change. by: how much longer its morning is than half a day.

    odd: a time of the clock that does not exist on that day, or happens twice.
    """

    name: str
    day: date
    by: timedelta
    odd: time

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.name)

    def at(self, clock: time, days: int = 0) -> datetime:
        """The moment of a local time of the Sunday, or of so many days after it."""
        return moment(self.day + days * DAY, clock, self.zone)

    def allows(self, term: Term, start: datetime, end: datetime, *own: datetime) -> bool:
        """Whether a rule allows a booking beside half hours of the same driver that start then."""
        others = tuple(
            BookingRequest(ANNA, each, each + timedelta(minutes=30), each - DAY) for each in own
        )
        ask = BookingRequest(ANNA, start, end, start - DAY)
        (said,) = judge(
            BookingPolicy((Rule("it", term),)), ask, RequestSurroundings(self.zone, others, 4)
        )
        return said.allowed


HOUR, HALF_HOUR = timedelta(hours=1), timedelta(minutes=30)
CHANGES = [
    Change("Europe/Berlin", date(2027, 3, 28), -HOUR, time(2, 30)),
    Change("Europe/Berlin", date(2026, 10, 25), HOUR, time(2, 30)),
    Change("America/New_York", date(2027, 3, 14), -HOUR, time(2, 30)),
    Change("America/New_York", date(2026, 11, 1), HOUR, time(1, 30)),
    Change("Australia/Lord_Howe", date(2027, 10, 3), -HALF_HOUR, time(2, 15)),
    Change("Australia/Lord_Howe", date(2027, 4, 4), HALF_HOUR, time(1, 45)),
]

on_each_change = pytest.mark.parametrize(
    "change", CHANGES, ids=[f"{each.name}-{each.day}" for each in CHANGES]
)


@on_each_change
def test_a_half_day_keeps_its_edges_and_not_its_length(change: Change) -> None:
    midnight, noon = change.at(MIDNIGHT), change.at(NOON)
    assert noon - midnight == HALF_DAY + change.by
    assert change.allows(HALF_DAYS, midnight, noon)
    assert not change.allows(HALF_DAYS, midnight, midnight + HALF_DAY)
    assert change.allows(HALF_DAYS, noon, noon + HALF_DAY)
    assert change.allows(HALF_DAYS, midnight, change.at(MIDNIGHT, days=1))


@on_each_change
def test_half_days_that_meet_at_an_odd_time_leave_no_gap(change: Change) -> None:
    """The time at which one ends and the other begins does not exist, or happens twice."""
    parts = Grid((Daily(MIDNIGHT, change.odd), Daily(change.odd, NOON)))
    edge = change.at(change.odd)
    assert change.allows(parts, change.at(MIDNIGHT), edge)
    assert change.allows(parts, edge, change.at(NOON))
    assert not change.allows(parts, edge + abs(change.by), change.at(NOON))


@on_each_change
def test_every_quarter_of_an_hour_of_that_day_is_on_the_grid(change: Change) -> None:
    quarters, start = Grid(step=QUARTER), change.at(MIDNIGHT)
    while start < change.at(MIDNIGHT, days=1):
        assert change.allows(quarters, start, start + QUARTER)
        assert not change.allows(quarters, start, start + QUARTER / 3)
        start += QUARTER


@on_each_change
def test_a_night_ends_when_the_clock_on_the_wall_says_so(change: Change) -> None:
    evening, morning = change.at(time(18), days=-1), change.at(time(6))
    assert morning - evening == HALF_DAY + change.by
    assert change.allows(NIGHTS, evening, morning)
    assert not change.allows(NIGHTS, evening, morning + QUARTER)
    assert not change.allows(NIGHTS, evening - QUARTER, morning)


@on_each_change
def test_a_quota_of_a_day_counts_that_day_whole_and_no_more(change: Change) -> None:
    twice = Quota(Per.HOLDER, Period.DAY, 2)
    edges = change.at(MIDNIGHT), change.at(time(23, 30))
    noon = change.at(NOON), change.at(time(13))
    assert not change.allows(twice, *noon, *edges)
    assert change.allows(twice, *noon, edges[0], change.at(MIDNIGHT, days=1))
    assert change.allows(twice, *noon, edges[1], change.at(time(23, 30), days=-1))


@on_each_change
def test_a_quota_of_a_week_ends_with_that_sunday(change: Change) -> None:
    once, last = Quota(Per.HOLDER, Period.WEEK, 1), change.at(time(23, 30))
    monday, next_monday = (change.at(MIDNIGHT, days=days) for days in (-6, 1))
    assert not change.allows(once, monday, monday + HALF_DAY, last)
    assert change.allows(once, next_monday, next_monday + HALF_DAY, last)


@on_each_change
def test_a_quota_of_hours_counts_the_hours_that_pass(change: Change) -> None:
    twelve = Quota(Per.HOLDER, Period.DAY, 12, QuotaUnit.HOURS)
    longer = change.by > timedelta(0)
    assert change.allows(twelve, change.at(MIDNIGHT), change.at(NOON)) is not longer
    assert change.allows(twelve, change.at(NOON), change.at(MIDNIGHT, days=1))


@on_each_change
@pytest.mark.parametrize(("period", "first"), [(Period.DAY, 0), (Period.WEEK, -6)])
def test_what_a_quota_counts_is_read_to_the_last_hour(
    change: Change, period: Period, first: int
) -> None:
    venue = _venue(change, Rule("quota", Quota(Per.HOLDER, period, 3)))
    which = counted(venue, ANNA, change.at(NOON), change.at(NOON))
    assert which is not None
    assert which.start == change.at(MIDNIGHT, days=first)
    assert which.end == change.at(MIDNIGHT, days=1)


@on_each_change
def test_both_half_days_of_that_day_have_room_on_one_evse(change: Change) -> None:
    venue, whole = _venue(change, Rule("half-days", HALF_DAYS)), change.at(MIDNIGHT, days=1)
    morning = _half_day("morning", change.at(MIDNIGHT), change.at(NOON))
    afternoon = _half_day("afternoon", change.at(NOON), whole)
    assert isinstance(decide(venue, morning, []).room, Planned)
    assert isinstance(decide(venue, afternoon, [morning]).room, Planned)
    for one in (morning, afternoon):
        again = _half_day("again", one.start_time, one.end_time)
        room = decide(venue, again, [morning, afternoon]).room
        assert isinstance(room, PoolFull)
        assert room.moment == one.start_time


def _venue(change: Change, *rules: Rule) -> BookablePool:
    return BookablePool(pool(1), BookingPolicy(rules), change.zone)


def _half_day(name: str, start: datetime, end: datetime) -> Booking:
    return booking(
        name=name, start_time=start, end_time=end, state=BookingState.CONFIRMED, place="S/1"
    )
