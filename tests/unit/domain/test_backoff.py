"""Pauses that grow."""

from datetime import timedelta

import pytest

from domain.backoff import pause_after

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(("tries", "expected_s"), [(1, 1), (2, 2), (3, 4), (4, 5), (99, 5)])
def test_a_pause_doubles_up_to_the_longest(tries: int, expected_s: float) -> None:
    assert pause_after(tries, SECOND, 5 * SECOND) == timedelta(seconds=expected_s)


def test_a_pause_without_a_longest_one_goes_on_growing() -> None:
    assert pause_after(11, SECOND) == timedelta(seconds=1_024)


def test_no_try_counts_as_the_first() -> None:
    assert pause_after(0, SECOND) == SECOND


def test_ever_so_many_tries_are_no_overflow() -> None:
    assert pause_after(10_000, SECOND) < timedelta.max
