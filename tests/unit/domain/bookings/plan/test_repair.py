"""Repairs of a plan, by hand."""

from dataclasses import replace

import pytest

from domain.bookings.plan import Booked, NoPlanFound, Plan
from domain.bookings.planning.admission import admit, furnished
from domain.bookings.planning.repair import MOST_KNOTS, Repair, cover, shift
from tests.unit.domain.bookings.plan.pools import ask, needs, place, pool

A = needs("A")


def _three() -> Booked:
    return replace(
        pool(place("a", "A"), place("b", "B"), place("c", "C")),
        asks=(ask("x", 8, 9, needs("A B")), ask("y", 8, 9, needs("B C")), ask("new", 8, 9, A)),
        plan=Plan({"x": "a", "y": "b"}),
    )


def test_a_chain_of_three_is_found() -> None:
    room, (new,) = furnished(_three())
    assert shift(room, new, 3)
    assert room.where == {"x": 1, "y": 2, "new": 0}


def test_a_chain_is_given_up_when_it_meets_too_many() -> None:
    room, (new,) = furnished(_three())
    assert not shift(room, new, 1)


def _knot(count: int = 1) -> Booked:
    """new drives out x, x drives out y, y drives out a z, and each z needs what new has taken."""
    asks = (
        ask("x", 8, 10, needs("A B")),
        ask("y", 8, 12, needs("B C")),
        *(ask(f"z{number}", 11, 12, needs("C A")) for number in range(count)),
        ask("u", 9, 10, A),
        ask("v", 11, 12, A),
    )
    plan = {"x": "a1", "u": "a2", "v": "a1", "y": "b"}
    plan |= {f"z{number}": f"c{number}" for number in range(count)}
    ends = [place(f"c{number}", "C", 50 + number) for number in range(count)]
    return Booked(
        pool(place("a1", "A"), place("a2", "A"), place("b", "B"), *ends).capacity,
        asks,
        Plan(plan),
    )


@pytest.mark.parametrize("count", [1, MOST_KNOTS + 1])
def test_a_chain_that_gets_into_its_own_way_changes_nothing(count: int) -> None:
    booked, new = _knot(count), ask("new", 9, 12, A)
    room, (stay,) = furnished(replace(booked, asks=(*booked.asks, new)))
    before = dict(room.where)
    assert not shift(room, stay, 100)
    assert room.where == before
    assert isinstance(admit(booked, new), NoPlanFound)


def test_a_failed_repair_changes_nothing() -> None:
    booked, new = _knot(), ask("new", 9, 12, A)
    room, homeless = furnished(replace(booked, asks=(*booked.asks, new)))
    before = dict(room.where)
    repair = Repair(room, rounds=7, seed=1)
    assert not repair.place(homeless)
    assert room.where == before
    assert repair.used == 7


def test_the_lightest_set_is_driven_out() -> None:
    room, _ = furnished(
        replace(
            pool(place("a")),
            asks=(ask("x", 8, 9), ask("y", 9, 11), ask("long", 12, 14)),
            plan=Plan({"x": "a", "y": "a", "long": "a"}),
        )
    )
    new = room.stay_of(ask("new", 8.5, 13))
    assert cover(room, 0, new.mask, {"x": 5})[0] == 5 + 1 + 1
