"""When a station whose place is taken again and again is in quarantine."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.model.twins import (
    QUARANTINE,
    TWIN_LIMIT,
    TWIN_WINDOW,
    Displacements,
    displaced_again,
    in_quarantine,
)

T0 = datetime(2026, 7, 1, tzinfo=UTC)


def after(*minutes: float) -> Displacements:
    known = Displacements()
    for each in minutes:
        known = displaced_again(known, at(each))
    return known


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("minutes", "end"),
    [
        ((), None),
        ((0, 1, 2), None),
        ((0, 1, 2, 3), 13),
        ((0, 0, 0, 9.9), 19.9),
        ((0, 1, 2, 10), None),  # the first one is ten minutes old
        ((0, 1, 2, 3, 12), 22),  # prolonged while it runs
        ((0, 1, 2, 3, 13), 13),  # it was over
        ((0, 4, 8, 12, 16, 20), None),
    ],
)
def test_more_than_three_in_ten_minutes_begin_a_quarantine(
    minutes: tuple[float, ...], end: float | None
) -> None:
    assert after(*minutes).quarantine_end == (None if end is None else at(end))


def test_a_quarantine_ends_by_itself() -> None:
    end = after(0, 1, 2, 3).quarantine_end
    assert in_quarantine(end, at(3))
    assert in_quarantine(end, at(12.99))
    assert not in_quarantine(end, at(13))
    assert not in_quarantine(None, at(3))


@given(st.lists(st.floats(0, 60), max_size=40).map(sorted))
def test_a_quarantine_needs_displacements_that_are_close_together(minutes: list[float]) -> None:
    known = after(*minutes)
    assert len(known.times) <= TWIN_LIMIT + 1
    times = [at(each) for each in minutes]
    close = [
        last
        for first, last in zip(times, times[TWIN_LIMIT:], strict=False)
        if last - first < TWIN_WINDOW
    ]
    assert (known.quarantine_end is not None) == bool(close)
    if known.quarantine_end is not None:
        assert known.quarantine_end >= close[-1] + QUARANTINE
