"""Whose booking gives way first."""

from datetime import timedelta
from typing import Any

import pytest

from domain.bookings.admission import BookablePool
from domain.bookings.displacement import PlannedAnew, Promised, giving_way, plan_anew
from domain.bookings.policies.policy import BookingPolicy, DisplaceFirst, PlaceShare, Rule
from domain.bookings.pool import PoolClosure
from domain.bookings.states import BookingState
from tests.unit.domain.bookings.asking import BERLIN, ask, local
from tests.unit.domain.bookings.bookings_made import booking, pool

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


def _venue(evses: int, *first: DisplaceFirst, **fields: Any) -> BookablePool:
    policy = BookingPolicy(RULES, displace_first=first or (DisplaceFirst.LATEST_MADE,))
    return BookablePool(pool(evses, **fields), policy, BERLIN)


def test_capacity_shrunk_under_existing_bookings_takes_away_what_the_policy_says() -> None:
    """Two EVSEs, of which one is gone: who was there moves, and a guest gives way."""
    own = booking(groups=frozenset("A"), name="own", place="S/2")
    guest = booking(name="guest", place="S/1")
    later = booking("16:00", "17:00", name="later", place="S/2")
    done = plan_anew(_venue(1, DisplaceFirst.GUESTS), [own, guest, later])
    assert done == PlannedAnew({"own": "S/1", "later": "S/1"}, ("guest",))


def test_as_few_as_possible_give_way_where_the_policy_makes_no_difference() -> None:
    long = booking("14:00", "18:00", name="long", place="S/1")
    short = [booking(f"{at}:00", f"{at + 1}:00", name=f"s{at}", place="S/2") for at in (14, 15, 16)]
    done = plan_anew(_venue(1, DisplaceFirst.GUESTS), [long, *short])
    assert done.displaced == ("long",)


def test_who_was_told_an_evse_keeps_it_through_a_closure() -> None:
    closure = PoolClosure(local("14:00"), local("18:00"))
    bound = booking(name="bound", state=BookingState.BOUND)
    waiting = booking("15:00", "16:00", name="waiting")
    before = booking("12:00", "13:00", name="before")
    done = plan_anew(_venue(1, closures=(closure,)), [bound, waiting, before])
    assert done == PlannedAnew({}, ("waiting",))


def test_a_driver_at_an_evse_that_is_not_of_the_pool_any_more_takes_no_other_one() -> None:
    there = booking(name="there", state=BookingState.IN_USE, place="S/9")
    done = plan_anew(_venue(1), [there, booking(name="other")])
    assert done == PlannedAnew({}, ())
