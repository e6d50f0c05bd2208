"""What makes a plan valid, and how a refusal reads."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.bookings.plan import Ask, Booked, Closure, Plan, PoolFull, RoomVerdict, flaws
from tests.unit.domain.bookings.plan.pools import DAY, ask, hours, needs, place, pool

POOL = pool(place("a"), place("b", "Type2", 22), closures=(Closure(hours(20, 22), "a"),))


def _planned(plan: dict[str, str], *asks: Ask, buffer_min: int = 0) -> Booked:
    capacity = replace(POOL.capacity, buffer=timedelta(minutes=buffer_min))
    return Booked(capacity, asks, Plan(plan))


def test_a_plan_is_valid_if_everyone_has_a_fitting_open_place_alone() -> None:
    plan = {"x": "a", "y": "a", "z": "b"}
    assert not flaws(_planned(plan, ask("y", 9, 10), ask("x", 8, 9, needs("CCS")), ask("z", 8, 9)))


@pytest.mark.parametrize(
    ("plan", "asks", "flaw"),
    [
        ({}, (ask("x", 8, 9),), "x has no place"),
        ({"x": "z"}, (ask("x", 8, 9),), "z does not serve x"),
        ({"x": "b"}, (ask("x", 8, 9, needs("CCS")),), "b does not serve x"),
        ({"x": "a"}, (ask("x", 19, 21),), "a is closed for x"),
        ({"x": "a"}, (ask("x", 8, 9, fixed_to="b"),), "x stays on b"),
        ({"x": "a", "y": "a"}, (ask("x", 8, 10), ask("y", 9, 11)), "x and y overlap on a"),
        (
            {"x": "a", "y": "a"},
            (ask("y", 9, 11), ask("x", 8, 10, fixed_to="a")),
            "x and y overlap on a",
        ),
    ],
)
def test_each_flaw_of_a_plan_is_named(
    plan: dict[str, str], asks: tuple[Ask, ...], flaw: str
) -> None:
    assert flaws(_planned(plan, *asks)) == (flaw,)


def test_the_buffer_between_two_bookings_is_kept() -> None:
    asks = ask("x", 8, 9), ask("y", 9.25, 10)
    assert not flaws(_planned({"x": "a", "y": "a"}, *asks, buffer_min=15))
    assert flaws(_planned({"x": "a", "y": "a"}, *asks, buffer_min=16))


def test_who_is_fixed_may_be_anywhere() -> None:
    asks = ask("x", 19, 21, needs("NACS"), "a"), ask("y", 20, 21, fixed_to="a")
    assert not flaws(_planned({"x": "a", "y": "a"}, *asks))


def test_a_refusal_says_when_how_many_want_what_and_how_many_there_are() -> None:
    full = PoolFull(
        moment=DAY + timedelta(hours=13),
        asks=("x", "y", "z"),
        needs=((3, needs("CCS", 150)),),
        places=("a", "b"),
    )
    berlin = ZoneInfo("Europe/Berlin")
    assert full.sentence(berlin) == "14:00: 3 want CCS of 150 kW, 2 are there"
    assert full.verdict is RoomVerdict.POOL_FULL


def test_a_refusal_names_different_needs_and_what_is_taken() -> None:
    full = PoolFull(
        moment=DAY + timedelta(hours=13),
        asks=("x", "y"),
        needs=((1, needs("CCS", 150)), (1, needs("Type2"))),
        places=("a",),
        others=("b", "c"),
    )
    assert full.sentence(ZoneInfo("UTC")) == (
        "13:00: 1 wants CCS of 150 kW and 1 wants Type2, 1 is there; 2 more taken or closed"
    )
