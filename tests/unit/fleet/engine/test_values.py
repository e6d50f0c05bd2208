"""Column types and checks of values."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.engine.values import (
    InvalidValue,
    clean,
    cut,
    from_micros,
    identifier,
    int32,
    int64,
    labels,
    lenient_int32,
    to_micros,
)


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_is_stored_without_loss(value: datetime) -> None:
    assert from_micros(to_micros(value)) == value


def test_an_instant_needs_a_zone_and_keeps_the_moment() -> None:
    there = datetime(2026, 5, 4, 14, tzinfo=timezone(timedelta(hours=2)))
    assert from_micros(to_micros(there)) == datetime(2026, 5, 4, 12, tzinfo=UTC)
    with pytest.raises(InvalidValue):
        to_micros(datetime(2026, 5, 4))  # noqa: DTZ001 - the point of the test


@given(st.text())
def test_cleaned_text_can_be_stored(value: str) -> None:
    assert "\x00" not in clean(value)
    clean(value).encode()


def test_text_is_cut_and_identifiers_are_not() -> None:
    assert (cut(None), cut("abc", 2)) == ("", "ab")
    assert identifier("a" * 255) == "a" * 255
    for bad in ("", "a" * 256, "a\x00", "\ud800"):
        with pytest.raises(InvalidValue):
            identifier(bad)


def test_numbers_outside_their_size_are_refused_or_unknown() -> None:
    assert int32(2**31 - 1) == 2**31 - 1
    with pytest.raises(InvalidValue):
        int32(2**31)
    assert (lenient_int32(2**31), int64(2**63), int64(-1)) == (None, None, -1)


def test_labels_keep_their_keys_and_cut_their_values() -> None:
    assert labels({"site": "x" * 999}) == {"site": "x" * 500}
    with pytest.raises(InvalidValue):
        labels({"": "x"})
