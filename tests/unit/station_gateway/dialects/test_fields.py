"""Single fields: which times of a station are believed, and how a time is written."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from station_gateway.dialects import fields

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
EIGHT = datetime(2026, 1, 1, 8, tzinfo=UTC)
TIME = "2026-01-01T08:00:00Z"

BELIEVED = {
    TIME: EIGHT,
    "2026-01-01T08:00:00": EIGHT,
    "2026-01-01 08:00:00Z": EIGHT,
    "2026-01-01T10:00:00+02:00": EIGHT,
    "2026-01-01T08:00:00.1234567890Z": EIGHT + timedelta(microseconds=123456),
    "2026-01-01T08:00Z": EIGHT,
    "2026-01-01t08:00:00z": EIGHT,
    " 2026-01-01 08:00:00 z ": EIGHT,
    "2026-01-01T08:00:00,5Z": EIGHT + timedelta(seconds=0.5),
    "2026-01-01T09:00:00+0100": EIGHT,
    "2026-01-01T09:00:00+01": EIGHT,
    "2026-01-01T04:30:00.000-03:30": EIGHT,
    "2026-01-01T07:59:60Z": EIGHT,
    "2025-12-31T24:00:00Z": datetime(2026, 1, 1, tzinfo=UTC),
    "20260101T080000Z": EIGHT,
    "2026-01-01T08:00:00-00:00": EIGHT,
    "2026-01-01": datetime(2026, 1, 1, tzinfo=UTC),
    "2026-W01-4T08:00:00Z": EIGHT,
}
NOT_BELIEVED = [
    "1970-01-01T00:00:00Z",
    "2024-01-01T08:00:00Z",
    "2026-01-02T12:00:01Z",
    "2027-01-01T08:00:00Z",
    "222222017-01-01T08:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-13-01T08:00:00Z",
    "2026-01-01T24:00:01Z",
    "2026-01-01T08:60:00Z",
    "2026-01-01T08:00:61Z",
    "2026-01-01T25:00:00Z",
    "2026-01-01T08:00:00+24:00",
    "2026-01-01T\u0660\u0668:00:00Z",
    "2026-01-01T08:00:00." + "0" * 60 + "Z",
    "yesterday",
    "",
]


@pytest.mark.parametrize(("text", "time"), BELIEVED.items())
def test_time_is_read_leniently(text: str, time: datetime) -> None:
    seen = fields.read_time(text, NOW)
    assert (seen.time, seen.suspect) == (time, False)


@pytest.mark.parametrize("text", NOT_BELIEVED)
def test_time_that_cannot_be_is_replaced_by_ours_and_flagged(text: str) -> None:
    seen = fields.read_time(text, NOW)
    assert (seen.time, seen.suspect) == (NOW, True)


@pytest.mark.parametrize(
    ("text", "zoned"),
    [
        (TIME, True),
        ("2026-01-01T08:00:00-00:00", True),
        ("2026-W01-4T08:00:00Z", True),
        ("2026-01-01T08:00:00", False),
        ("2026-01-01", False),
    ],
)
def test_a_time_without_an_offset_is_marked(text: str, zoned: bool) -> None:
    assert fields.read_time(text, NOW).zoned is zoned


def test_time_is_written_in_utc_with_whole_seconds() -> None:
    elsewhere = EIGHT.astimezone(timezone(timedelta(hours=2))) + timedelta(microseconds=999_999)
    assert fields.write_time(EIGHT) == TIME
    assert fields.write_time(elsewhere) == TIME


@given(st.text(max_size=40) | st.datetimes().map(str))
def test_any_time_is_within_the_window(text: str) -> None:
    seen = fields.read_time(text, NOW)
    assert NOW - fields.OLDEST <= seen.time <= NOW + fields.NEWEST
    assert seen.time.tzinfo is not None


@pytest.mark.parametrize("unit", [["Wh"], {"unit": "Wh"}, 7, "V"])
def test_a_sample_in_no_unit_of_energy_is_no_register(unit: object) -> None:
    assert fields.registers_of([{"sampledValue": [{"value": 5, "unit": unit}]}]) == []


@pytest.mark.parametrize(
    ("us", "told"), [(0, "08:00:00Z"), (1, "08:00:01Z"), (999_999, "08:00:01Z")]
)
def test_an_end_that_was_promised_is_never_told_as_earlier(us: int, told: str) -> None:
    assert fields.write_end(EIGHT.replace(microsecond=us)).endswith(told)
