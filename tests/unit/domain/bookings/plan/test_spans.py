"""Spans of time."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.bookings.spans import (
    MOST_NAMED,
    NAMED_NEAR,
    Span,
    nearest_first,
    other_times,
    ticks_of,
    time_of,
)
from tests.unit.domain.bookings.plan.pools import DAY, hours

BERLIN = ZoneInfo("Europe/Berlin")


def test_a_span_is_as_long_as_it_takes_also_when_the_clocks_change() -> None:
    spring = Span(datetime(2026, 3, 29, 1, tzinfo=BERLIN), datetime(2026, 3, 29, 4, tzinfo=BERLIN))
    autumn = Span(
        datetime(2026, 10, 25, 1, tzinfo=BERLIN), datetime(2026, 10, 25, 4, tzinfo=BERLIN)
    )
    assert (spring.length, autumn.length) == (timedelta(hours=2), timedelta(hours=4))


def test_a_buffer_is_counted_in_real_time_when_the_clocks_change() -> None:
    first = Span(
        datetime(2026, 3, 29, 0, tzinfo=BERLIN), datetime(2026, 3, 29, 1, 55, tzinfo=BERLIN)
    )
    later = Span(datetime(2026, 3, 29, 3, tzinfo=BERLIN), datetime(2026, 3, 29, 4, tzinfo=BERLIN))
    assert first.overlaps(later, timedelta(minutes=6))
    assert not first.overlaps(later, timedelta(minutes=5))


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        (DAY.replace(tzinfo=None), DAY + timedelta(hours=1)),
        (DAY, DAY.replace(tzinfo=None) + timedelta(hours=1)),
        (DAY, DAY),
        (DAY, DAY - timedelta(hours=1)),
    ],
)
def test_a_span_needs_time_zones_and_an_end_after_its_start(begin: datetime, end: datetime) -> None:
    with pytest.raises(ValueError, match=r"span"):
        Span(begin, end)


def test_one_span_may_begin_when_another_one_ends() -> None:
    assert not hours(8, 9).overlaps(hours(9, 10))
    assert hours(8, 9.01).overlaps(hours(9, 10))
    assert hours(9, 10).overlaps(hours(8, 9), timedelta(seconds=1))


def test_ticks_are_microseconds_and_lose_nothing() -> None:
    moment = datetime(2026, 12, 1, 8, 15, 30, 123456, tzinfo=UTC)
    assert time_of(Span(moment, DAY + timedelta(days=1)).from_tick) == moment
    assert ticks_of(timedelta(milliseconds=2)) == 2000


def test_a_span_moves_without_changing_its_length() -> None:
    assert hours(8, 9).moved(timedelta(hours=-1)) == hours(7, 8)


def test_other_times_are_near_and_still_to_come() -> None:
    asked = hours(12, 13)
    spans = other_times(asked, DAY + timedelta(hours=11))
    assert (spans[0], spans[-1]) == (hours(11.25, 12.25), hours(24, 25))
    assert all(abs(one.start - asked.start) <= NAMED_NEAR for one in spans)
    assert {one.length for one in spans} == {asked.length}
    assert other_times(asked, DAY + timedelta(hours=24)) == []


def test_the_nearest_times_are_named_first_and_the_later_one_of_two() -> None:
    found = [hours(9, 10), hours(11, 12), hours(12.5, 13.5), hours(13, 14), hours(15, 16)]
    named = nearest_first(hours(12, 13), found)
    assert named == [hours(12.5, 13.5), hours(13, 14), hours(11, 12)]
    assert len(named) == MOST_NAMED
