"""Whose booking gives way first."""

from datetime import timedelta

import pytest

from domain.bookings.displacement import Promised, giving_way
from domain.bookings.policies.policy import BookingPolicy, DisplaceFirst, PlaceShare, Rule
from tests.unit.domain.bookings.asking import ask

RULES = (Rule("a", PlaceShare(1, timedelta(0)), groups=frozenset("A")),)
BOOKINGS = [
    Promised("early-guest", ask("14:00", "15:00", before="9d")),
    Promised("late-guest", ask("15:00", "15:30", before="1d")),
    Promised("own", ask("16:00", "18:00", "A", before="1h")),
]


@pytest.mark.parametrize(
    ("first", "order"),
    [
        (DisplaceFirst.GUESTS, ["late-guest", "early-guest", "own"]),
        (DisplaceFirst.LATEST_MADE, ["own", "late-guest", "early-guest"]),
        (DisplaceFirst.LATEST_START, ["own", "late-guest", "early-guest"]),
        (DisplaceFirst.SHORTEST, ["late-guest", "early-guest", "own"]),
    ],
)
def test_bookings_give_way_in_the_operators_order(first: DisplaceFirst, order: list[str]) -> None:
    policy = BookingPolicy(RULES, displace_first=(first,))
    assert [each.booking for each in giving_way(policy, BOOKINGS)] == order


def test_equal_bookings_give_way_by_name() -> None:
    same = [Promised(name, ask("14:00", "15:00")) for name in ("b", "a")]
    assert [each.booking for each in giving_way(BookingPolicy(), same)] == ["a", "b"]
