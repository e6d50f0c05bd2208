"""Local times across both edges of summer time."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.bookings.policies.local_time import Period, exists, first_day, moment

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")


@pytest.mark.parametrize(
    ("zone", "day", "clock", "shown"),
    [
        (BERLIN, date(2027, 3, 28), time(2, 30), time(3, 30)),
        (NEW_YORK, date(2027, 3, 14), time(2, 30), time(3, 30)),
        (LORD_HOWE, date(2027, 10, 3), time(2, 10), time(2, 40)),
    ],
)
def test_a_time_that_does_not_exist_is_shifted_forward(
    zone: ZoneInfo, day: date, clock: time, shown: time
) -> None:
    assert moment(day, clock, zone).astimezone(zone).time() == shown
    assert not exists(day, clock, zone)


@pytest.mark.parametrize(
    ("zone", "day", "clock", "first"),
    [
        (BERLIN, date(2026, 10, 25), time(2, 30), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (NEW_YORK, date(2026, 11, 1), time(1, 30), datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
        (LORD_HOWE, date(2027, 4, 4), time(1, 45), datetime(2027, 4, 3, 14, 45, tzinfo=UTC)),
    ],
)
def test_a_time_that_happens_twice_is_its_first_moment(
    zone: ZoneInfo, day: date, clock: time, first: datetime
) -> None:
    assert moment(day, clock, zone) == first
    assert exists(day, clock, zone)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (BERLIN, date(2027, 3, 28), 11),
        (BERLIN, date(2026, 10, 25), 13),
        (NEW_YORK, date(2027, 3, 14), 11),
        (NEW_YORK, date(2026, 11, 1), 13),
        (LORD_HOWE, date(2027, 10, 3), 11.5),
        (LORD_HOWE, date(2027, 4, 4), 12.5),
    ],
)
def test_a_half_day_keeps_its_edges_and_changes_its_length(
    zone: ZoneInfo, day: date, hours: float
) -> None:
    start, end = moment(day, time(0), zone), moment(day, time(12), zone)
    assert end - start == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("period", "day"),
    [
        (Period.DAY, date(2026, 12, 3)),
        (Period.WEEK, date(2026, 11, 30)),
        (Period.MONTH, date(2026, 12, 1)),
    ],
)
def test_a_period_begins_at_local_midnight(period: Period, day: date) -> None:
    just_after_midnight = datetime(2026, 12, 2, 23, 30, tzinfo=UTC)
    assert first_day(just_after_midnight, period, BERLIN) == day
