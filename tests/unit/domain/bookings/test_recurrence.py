"""When a series takes place, in three time zones, at both edges of summer time."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.bookings.places import Needs
from domain.bookings.series.recurrence import (
    MOST_OCCURRENCES,
    Occurrence,
    RecurrenceError,
    occurrences,
)
from domain.bookings.series.series import BookingSeries, occurrence_booking
from domain.bookings.states import BookingState
from tests.unit.domain.bookings.bookings_made import ID_TOKEN

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")


def unrolled(rule: str, start: str, end: str, zone: ZoneInfo = BERLIN) -> tuple[Occurrence, ...]:
    return occurrences(rule, datetime.fromisoformat(start), datetime.fromisoformat(end), zone)


@pytest.mark.parametrize(
    ("zone", "first", "offsets"),
    [
        (BERLIN, "2027-03-26", [1, 1, 2, 2]),
        (BERLIN, "2026-10-23", [2, 2, 1, 1]),
        (NEW_YORK, "2027-03-12", [-5, -5, -4, -4]),
        (NEW_YORK, "2026-10-30", [-4, -4, -5, -5]),
        (LORD_HOWE, "2027-10-01", [10.5, 10.5, 11, 11]),
        (LORD_HOWE, "2027-04-02", [11, 11, 10.5, 10.5]),
    ],
)
def test_a_series_of_half_days_stays_on_the_wall_clock_across_both_edges_of_summer_time(
    zone: ZoneInfo, first: str, offsets: list[float]
) -> None:
    """The edge is on the third day, before 07:00."""
    found = unrolled("FREQ=DAILY;COUNT=4", f"{first}T07:00", f"{first}T12:30", zone)
    for number, (one, offset) in enumerate(zip(found, offsets, strict=True)):
        day = datetime.fromisoformat(f"{first}T07:00") + timedelta(days=number)
        assert one.local_start == day
        assert one.start == (day - timedelta(hours=offset)).replace(tzinfo=UTC)
        assert one.end - one.start == timedelta(hours=5, minutes=30)
        assert one.starts


@pytest.mark.parametrize(
    ("zone", "first", "length"),
    [
        (BERLIN, "2027-03-27", 11),
        (BERLIN, "2026-10-24", 13),
        (NEW_YORK, "2027-03-13", 11),
        (NEW_YORK, "2026-10-31", 13),
        (LORD_HOWE, "2027-10-02", 11.5),
        (LORD_HOWE, "2027-04-03", 12.5),
    ],
)
def test_a_night_keeps_its_edges_and_gets_longer_or_shorter_at_both_edges_of_summer_time(
    zone: ZoneInfo, first: str, length: float
) -> None:
    start = datetime.fromisoformat(f"{first}T18:00")
    (one,) = occurrences("FREQ=DAILY;COUNT=1", start, start + timedelta(hours=12), zone)
    assert one.end - one.start == timedelta(hours=length)
    assert f"{one.end.astimezone(zone):%H:%M}" == "06:00"


@pytest.mark.parametrize(
    ("zone", "first", "clock"),
    [
        (BERLIN, "2027-03-27", "02:30"),
        (NEW_YORK, "2027-03-13", "02:30"),
        (LORD_HOWE, "2027-10-02", "02:10"),
    ],
)
def test_a_start_that_the_clock_skips_is_no_start(zone: ZoneInfo, first: str, clock: str) -> None:
    start = datetime.fromisoformat(f"{first}T{clock}")
    found = occurrences("FREQ=DAILY;COUNT=3", start, start + timedelta(hours=3), zone)
    assert [one.starts for one in found] == [True, False, True]


@pytest.mark.parametrize(
    ("zone", "first", "clock", "shown"),
    [
        (BERLIN, "2027-03-28", "02:30", "03:30"),
        (NEW_YORK, "2027-03-14", "02:30", "03:30"),
        (LORD_HOWE, "2027-10-03", "02:10", "02:40"),
    ],
)
def test_an_end_that_the_clock_skips_is_shifted_forward(
    zone: ZoneInfo, first: str, clock: str, shown: str
) -> None:
    (one,) = unrolled("FREQ=DAILY;COUNT=1", f"{first}T01:00", f"{first}T{clock}", zone)
    assert one.starts
    assert f"{one.end.astimezone(zone):%H:%M}" == shown


@pytest.mark.parametrize(
    ("zone", "first", "clock", "moment"),
    [
        (BERLIN, "2026-10-25", "02:30", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (NEW_YORK, "2026-11-01", "01:30", datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
        (LORD_HOWE, "2027-04-04", "01:45", datetime(2027, 4, 3, 14, 45, tzinfo=UTC)),
    ],
)
def test_a_start_that_happens_twice_is_its_first_moment(
    zone: ZoneInfo, first: str, clock: str, moment: datetime
) -> None:
    (one,) = unrolled("FREQ=DAILY;COUNT=1", f"{first}T{clock}", f"{first}T06:00", zone)
    assert (one.start, one.starts) == (moment, True)


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=WEEKLY;BYDAY=MO,TH;COUNT=3", ["12-03", "12-07", "12-10"]),
        ("RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=3;WKST=MO", ["12-01", "12-15", "12-29"]),
        (
            "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR;UNTIL=20261207",
            [
                "12-01",
                "12-02",
                "12-03",
                "12-04",
                "12-07",
            ],
        ),
        ("FREQ=DAILY;UNTIL=20261202T070000", ["12-01", "12-02"]),
        ("FREQ=DAILY;UNTIL=20261202T065959", ["12-01"]),
        ("FREQ=MONTHLY;BYDAY=-1FR;COUNT=2", ["12-25", "01-29"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=2", ["12-31", "01-29"]),
        ("FREQ=MONTHLY;BYMONTHDAY=31,-1;COUNT=3", ["12-31", "01-31", "02-28"]),
    ],
)
def test_a_rule_takes_place_on_its_days(rule: str, days: list[str]) -> None:
    found = unrolled(rule, "2026-12-01T07:00", "2026-12-01T12:30")
    assert [f"{one.local_start:%m-%d}" for one in found] == days


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("", "Not a part"),
        ("COUNT=3", "FREQ is required"),
        ("FREQ=SECONDLY;COUNT=3", "Not a part"),
        ("FREQ=YEARLY;COUNT=3", "Not a part"),
        ("FREQ=DAILY;COUNT=0", "Not a part"),
        ("FREQ=DAILY;COUNT=3;COUNT=4", "twice"),
        ("FREQ=DAILY;BYHOUR=7;COUNT=3", "Not a part"),
        ("FREQ=DAILY;UNTIL=20261202T070000Z", "Not a part"),
        ("FREQ=DAILY;UNTIL=20261302", "UNTIL is no date"),
        ("FREQ=DAILY", "Give COUNT or UNTIL"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20261202", "Give COUNT or UNTIL"),
        ("FREQ=DAILY;COUNT=201", "at most 200 occurrences"),
        ("FREQ=MONTHLY;COUNT=99", "in 731 days"),
        ("FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=30;COUNT=3", "INTERVAL is at most 11"),
        ("FREQ=DAILY;INTERVAL=7;BYDAY=WE;COUNT=3", "needs INTERVAL=1"),
        ("FREQ=WEEKLY;BYDAY=1MO;COUNT=3", "need FREQ=MONTHLY"),
        ("FREQ=WEEKLY;BYMONTHDAY=1;COUNT=3", "need FREQ=MONTHLY"),
        ("FREQ=DAILY;BYSETPOS=1;COUNT=3", "need FREQ=MONTHLY"),
        ("FREQ=MONTHLY;BYDAY=MO;BYMONTHDAY=1;COUNT=3", "not both"),
        ("FREQ=MONTHLY;BYSETPOS=1;COUNT=3", "BYSETPOS needs BYDAY"),
        ("FREQ=MONTHLY;BYDAY=1MO;BYSETPOS=1;COUNT=3", "BYSETPOS needs BYDAY"),
        ("FREQ=DAILY;UNTIL=20261130", "No time fits"),
    ],
)
def test_a_rule_that_is_not_taken_says_why(rule: str, said: str) -> None:
    with pytest.raises(RecurrenceError, match=said):
        unrolled(rule, "2026-12-01T07:00", "2026-12-01T12:30")


@pytest.mark.parametrize("end", ["2026-12-01T07:00", "2027-01-02T07:00"])
def test_an_occurrence_ends_after_its_start_and_within_a_month(end: str) -> None:
    with pytest.raises(RecurrenceError, match="first_end has to be after first_start"):
        unrolled("FREQ=DAILY;COUNT=3", "2026-12-01T07:00", end)


def test_no_rule_is_searched_for_long() -> None:
    """The longest one that is taken, and those with the rarest days."""
    for rule in (
        f"FREQ=DAILY;COUNT={MOST_OCCURRENCES}",
        "FREQ=MONTHLY;INTERVAL=11;BYMONTHDAY=31;UNTIL=99991231",
        "FREQ=MONTHLY;INTERVAL=11;BYDAY=5SU;UNTIL=99991231",
    ):
        try:
            found = unrolled(rule, "2027-02-28T07:00", "2027-02-28T12:30")
        except RecurrenceError as error:
            assert "at most 200" in str(error)
        else:
            assert len(found) == MOST_OCCURRENCES


def test_the_booking_of_an_occurrence_has_an_id_that_follows_from_the_series() -> None:
    series = BookingSeries(
        "00000000-0000-4000-8000-00000000000a",
        *("acme", "hub", ID_TOKEN, "FREQ=DAILY;COUNT=2", "2026-12-01T07:00", "2026-12-01T12:30"),
        create_time=datetime(2026, 11, 1, tzinfo=UTC),
    )
    one, two = unrolled(series.recurrence, series.first_start, series.first_end)
    made = occurrence_booking(series, one, "plain")
    assert made == occurrence_booking(series, one, "plain")
    assert made.name != occurrence_booking(series, two, "plain").name
    assert (made.series, made.state) == (series.name, BookingState.CONFIRMED)
    assert series.said["needs"] == Needs()
