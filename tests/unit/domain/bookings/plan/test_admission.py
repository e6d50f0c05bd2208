"""Whether there is room for one booking more, by hand."""

from dataclasses import replace
from datetime import UTC, timedelta

import pytest

from domain.bookings.plan import Closure, Effort, NoPlanFound, Plan, Planned, PoolFull, flaws
from domain.bookings.planning.admission import admit
from tests.unit.domain.bookings.plan.pools import DAY, accept, ask, booked_with, hours, needs, pool
from tests.unit.domain.bookings.plan.pools import place as at

NO_EFFORT = Effort(rounds=0, states=0, stays=0)


def test_a_booking_gets_the_least_capable_place_that_serves_it() -> None:
    booked = pool(at("a", "CCS", 300), at("b", "CCS", 50), at("c", "Type2", 22))
    verdict = admit(booked, ask("x", 8, 9, needs("CCS")))
    assert verdict == Planned(Plan({"x": "b"}))


def test_a_refusal_names_the_moment_and_the_numbers() -> None:
    booked = booked_with(
        pool(at("a", "CCS", 150), at("b", "CCS", 150), at("c", "CCS", 50)),
        ask("x", 13, 15, needs("CCS", 150)),
        ask("y", 14, 16, needs("CCS", 150)),
        ask("z", 14, 16),
    )
    full = admit(booked, ask("new", 13.5, 14.5, needs("CCS", 150)))
    assert isinstance(full, PoolFull)
    assert full.sentence(UTC) == "14:00: 3 want CCS of 150 kW, 2 are there"
    assert full.asks == ("new", "x", "y")
    assert (full.wanted, full.there) == (3, 2)


def test_equal_places_are_given_anew_where_no_gap_is_left() -> None:
    booked = booked_with(pool(at("a"), at("b")), ask("x", 8, 9), ask("y", 10, 11))
    apart = replace(booked, plan=Plan({"x": "a", "y": "b"}))
    verdict = admit(apart, ask("new", 8.5, 10.5))
    assert isinstance(verdict, Planned)
    assert verdict.plan.places == {"x": "a", "new": "b", "y": "a"}
    assert verdict.moved == ("y",)
    stays = replace(booked, plan=Plan({"x": "b", "y": "b"}))
    kept = admit(stays, ask("new", 9.5, 10.5))
    assert isinstance(kept, Planned)
    assert (kept.plan.places["x"], kept.plan.places["y"]) == ("b", "b")


def test_a_refusal_counts_who_could_go_nowhere_else() -> None:
    booked = booked_with(
        pool(at("a", "CCS", 150), at("b", "CCS Type2", 150), at("c", "NACS", 150)),
        ask("x", 8, 9, needs("Type2")),
        ask("y", 8, 9, needs("NACS")),
        ask("z", 8, 9),
    )
    full = admit(booked, ask("new", 8, 9, needs("CCS")))
    assert isinstance(full, PoolFull)
    assert full.asks == ("new", "x", "y", "z")
    full = admit(replace(booked, asks=booked.asks[:2]), ask("new", 8, 9, needs("Type2")))
    assert isinstance(full, PoolFull)
    assert full.asks == ("new", "x")


def test_what_no_place_serves_or_what_is_closed_is_refused_with_a_proof() -> None:
    booked = pool(at("a"), at("b"), closures=(Closure(hours(12, 13)),))
    nowhere = admit(booked, ask("new", 8, 9, needs("NACS")))
    assert isinstance(nowhere, PoolFull)
    assert nowhere.sentence(UTC) == "08:00: 1 wants NACS, 0 are there"
    closed = admit(booked, ask("new", 11, 14))
    assert isinstance(closed, PoolFull)
    assert closed.sentence(UTC) == "11:00: 1 wants a place, 0 are there; 2 more taken or closed"


def test_a_closure_may_begin_within_the_buffer_after_a_booking() -> None:
    booked = pool(at("a"), closures=(Closure(hours(9, 10), "a"),), buffer_min=30)
    assert isinstance(admit(booked, ask("x", 8, 9)), Planned)
    assert isinstance(admit(booked, ask("x", 8, 9.1)), PoolFull)
    assert isinstance(admit(booked, ask("x", 10, 11)), Planned)


def test_a_buffer_lies_between_two_bookings_of_one_place() -> None:
    booked = booked_with(pool(at("a"), buffer_min=15), ask("x", 8, 9))
    full = admit(booked, ask("new", 9, 10))
    assert isinstance(full, PoolFull)
    assert full.moment == DAY + timedelta(hours=9)
    assert isinstance(admit(booked, ask("new", 9.25, 10)), Planned)
    assert isinstance(admit(booked, ask("new", 7, 7.8)), PoolFull)


def test_another_booking_moves_to_a_place_that_it_does_not_mind() -> None:
    booked = booked_with(pool(at("a", "CCS"), at("b", "Type2")), ask("x", 8, 9))
    only_there = needs("CCS" if booked.plan.places["x"] == "a" else "Type2")
    verdict = admit(booked, ask("new", 8, 9, only_there))
    assert isinstance(verdict, Planned)
    assert verdict.moved == ("x",)


def test_equal_places_are_shared_out_anew_when_gaps_do_not_fit() -> None:
    booked = pool(at("a"), at("b"))
    booked = replace(
        booked,
        asks=(ask("x", 8, 9), ask("y", 10, 12), ask("z", 8, 9.5)),
        plan=Plan({"x": "a", "y": "b", "z": "b"}),
    )
    booked = booked_with(
        replace(booked, plan=Plan({"x": "a", "z": "b", "y": "a"})), ask("w", 9, 10)
    )
    assert not flaws(booked)
    longer = admit(booked, ask("new", 9.5, 12))
    assert isinstance(longer, Planned)
    assert not flaws(accept(booked, ask("new", 9.5, 12), longer))


def test_who_is_fixed_does_not_move_and_counts_as_taken() -> None:
    booked = booked_with(
        pool(at("a", "CCS"), at("b", "Type2")), ask("x", 8, 9, fixed_to="a"), ask("y", 12, 13)
    )
    full = admit(booked, ask("new", 8.5, 9.5, needs("CCS")))
    assert isinstance(full, PoolFull)
    assert full.sentence(UTC) == "08:30: 1 wants CCS, 0 are there; 1 more taken or closed"


def test_others_move_for_a_booking_that_is_fixed_to_a_place() -> None:
    booked = booked_with(pool(at("a"), at("b")), ask("x", 8, 9))
    taken = booked.plan.places["x"]
    verdict = admit(booked, ask("new", 8, 9, fixed_to=taken))
    assert isinstance(verdict, Planned)
    assert verdict.plan.places["new"] == taken
    assert verdict.moved == ("x",)
    alone = booked_with(pool(at("a")), ask("x", 8, 9))
    assert isinstance(admit(alone, ask("new", 8, 9, fixed_to="a")), NoPlanFound)


@pytest.mark.parametrize("wrong", ["b", "c", "shut", "held"])
def test_a_place_that_cannot_take_it_is_not_promised(wrong: str) -> None:
    booked = booked_with(
        pool(at("b", "Type2"), at("shut"), at("held"), closures=(Closure(hours(8, 9), "shut"),)),
        ask("x", 8, 9, fixed_to="held"),
    )
    verdict = admit(booked, ask("new", 8.5, 9.5, needs("CCS"), fixed_to=wrong))
    assert verdict == NoPlanFound(0, is_proven=True)


def test_a_booking_is_bound_to_its_own_place() -> None:
    booked = booked_with(pool(at("a")), ask("x", 8, 9))
    bound = ask("x", 8, 9, fixed_to="a")
    verdict = admit(booked, bound)
    assert verdict == Planned(Plan({"x": "a"}))
    assert isinstance(admit(accept(booked, bound, verdict), bound), Planned)


def test_a_change_of_a_booking_does_not_stand_in_its_own_way() -> None:
    booked = booked_with(pool(at("a")), ask("x", 8, 10), ask("y", 12, 13))
    assert isinstance(admit(booked, ask("x", 9, 12)), Planned)
    assert isinstance(admit(booked, ask("x", 9, 12.5)), PoolFull)


def test_a_plan_that_does_not_hold_any_more_is_repaired_or_nothing_is_promised() -> None:
    booked = booked_with(pool(at("a"), at("b")), ask("x", 8, 9), ask("y", 20, 21))
    shut = Closure(hours(8, 9), booked.plan.places["x"])
    half = replace(booked, capacity=replace(booked.capacity, closures=(shut,)))
    verdict = admit(half, ask("new", 15, 16))
    assert isinstance(verdict, Planned)
    assert verdict.moved == ("x",)
    closed = replace(booked, capacity=replace(booked.capacity, closures=(Closure(hours(8, 9)),)))
    assert isinstance(admit(closed, ask("new", 15, 16)), NoPlanFound)


def test_two_are_driven_out_for_one() -> None:
    booked = replace(
        pool(at("a", "A"), at("b", "A B")),
        asks=(ask("x", 8, 9), ask("y", 10, 11)),
        plan=Plan({"x": "b", "y": "b"}),
    )
    new = ask("new", 8, 11, needs("B"))
    for effort in (Effort(states=0), Effort(rounds=0)):
        verdict = admit(booked, new, effort)
        assert isinstance(verdict, Planned)
        assert verdict.moved == ("x", "y")
    assert admit(booked, new, NO_EFFORT) == NoPlanFound(0)


def test_no_plan_found_says_how_much_was_tried_and_what_is_proven() -> None:
    # At each moment there is a place for it; at 11:00 it would have to change from b to a.
    booked = booked_with(
        pool(at("a", "A"), at("b", "B")),
        ask("x", 8, 10.5, needs("A")),
        ask("z", 11, 13, needs("B")),
    )
    new = ask("new", 10, 12)
    verdict = admit(booked, new)
    assert isinstance(verdict, NoPlanFound)
    assert verdict.is_proven
    assert verdict.rounds > 0
    for effort in (NO_EFFORT, Effort(stays=1)):
        verdict = admit(booked, new, effort)
        assert isinstance(verdict, NoPlanFound)
        assert not verdict.is_proven
