"""A plan anew after a loss: who moves, who is loosened, who is displaced."""

from dataclasses import replace

from domain.bookings.plan import Ask, Booked, Closure, Effort, Plan, flaws
from domain.bookings.planning.replan import Replanned, replan, without
from tests.unit.domain.bookings.plan.pools import ask, booked_with, hours, needs, place, pool

GUESTS_FIRST = {"guest": 1}
CCS = needs("CCS")


def _rank(one: Ask) -> int:
    return GUESTS_FIRST.get(one.id.split("-")[0], 0)


def _left(booked: Booked, done: Replanned) -> Booked:
    asks = tuple(
        replace(each, fixed_to=None) if each.id in done.loosened else each
        for each in booked.asks
        if each.id not in done.displaced
    )
    return replace(booked, asks=asks, plan=done.plan)


def test_who_was_on_a_lost_place_moves_if_there_is_room() -> None:
    booked = booked_with(pool(place("a"), place("b")), ask("x", 8, 9), ask("y", 9, 10))
    lost = booked.plan.places["x"]
    done = without(booked, lost, _rank)
    assert not done.displaced
    assert "x" in done.moved
    assert set(done.plan.places.values()) == {"a", "b"} - {lost}


def test_who_ranks_higher_gives_way_although_it_did_not_lose_its_place() -> None:
    booked = booked_with(
        pool(place("a"), place("b")),
        ask("x", 8, 9, fixed_to="a"),
        ask("guest-y", 8, 9),
    )
    done = without(booked, "a", _rank)
    assert done.displaced == ("guest-y",)
    assert done.loosened == ("x",)
    assert done.moved == ("x",)
    assert done.plan == Plan({"x": "b"})
    assert done.is_smallest


def test_one_long_booking_goes_rather_than_two_short_ones() -> None:
    asks = ask("x", 8, 9), ask("y", 9, 10), ask("z", 8, 10)
    booked = booked_with(pool(place("a"), place("b")), *asks)
    for lost in ("a", "b"):
        done = without(booked, lost, _rank)
        assert done.displaced == ("z",)
        assert done.is_smallest


def test_two_guests_go_rather_than_one_of_the_house() -> None:
    booked = booked_with(
        pool(place("a"), place("b")),
        ask("guest-1", 8, 9),
        ask("guest-2", 9, 10),
        ask("x", 8, 10),
    )
    done = without(booked, "a", _rank)
    assert done.displaced == ("guest-1", "guest-2")


def test_who_was_let_go_for_nothing_comes_back() -> None:
    # w needs the place that stays; the guest on it may then go to no other one.
    booked = booked_with(
        pool(place("a", "A"), place("b", "A B")),
        ask("w", 8, 12, needs("A")),
        ask("guest-1", 8, 9, needs("B")),
        ask("guest-2", 10, 11),
    )
    done = without(booked, "a", _rank)
    assert done.displaced == ("guest-1", "guest-2")
    assert not flaws(replace(_left(booked, done), capacity=pool(place("b", "A B")).capacity))


def test_an_overstay_keeps_its_place_and_the_next_one_moves() -> None:
    booked = Booked(
        pool(place("a"), place("b")).capacity,
        (ask("here", 8, 9.5, fixed_to="a"), ask("next", 9, 10, fixed_to="a"), ask("x", 9, 10)),
        Plan({"here": "a", "next": "a", "x": "b"}),
    )
    done = replan(booked, _rank)
    assert done.loosened == ("next",)
    assert done.displaced == ("next",)
    assert done.plan == Plan({"here": "a", "x": "b"})
    free = replan(replace(booked, asks=booked.asks[:2]), _rank)
    assert (free.moved, free.displaced) == (("next",), ())


def test_a_closure_displaces_everyone_whom_nothing_can_serve() -> None:
    asks = [ask(f"x{number}", 8, 9) for number in range(8)]
    booked = booked_with(pool(*(place(f"p{number}") for number in range(8))), *asks)
    shut = replace(booked.capacity, closures=(Closure(hours(8, 9)),))
    done = replan(replace(booked, capacity=shut), _rank)
    assert done.displaced == tuple(f"x{number}" for number in range(8))
    assert not done.is_smallest


def test_guests_go_first_also_when_many_have_to_go() -> None:
    asks = [ask(f"x-{number}", 8, 9) for number in range(8)]
    asks += [ask(f"guest-{number}", 8, 9) for number in range(8)]
    booked = booked_with(pool(*(place(f"p{number:02}") for number in range(16))), *asks)
    lost = [booked.plan.places[f"x-{number}"] for number in range(7)]
    shut = tuple(Closure(hours(7, 10), each) for each in lost)
    done = replan(replace(booked, capacity=replace(booked.capacity, closures=shut)), _rank)
    assert len(done.displaced) == 7
    assert all(each.startswith("guest") for each in done.displaced)


def test_nothing_changes_while_the_plan_holds() -> None:
    booked = booked_with(pool(place("a"), place("b")), ask("x", 8, 9), ask("y", 8, 9, fixed_to="a"))
    assert replan(booked, _rank) == Replanned(booked.plan)


def test_a_second_search_finds_that_fewer_need_to_go() -> None:
    # The first one lets the longer one of two go, twice; the short one between them is enough.
    asks = [ask("x", 0, 10, CCS), ask("y", 8, 12, CCS), ask("z", 11, 20, CCS)]
    others = [ask(f"o{hour}", hour, hour + 1, needs("Type2")) for hour in (1, 3, 5, 13, 15, 17)]
    plan = {"x": "a"} | {each.id: "b" for each in others}
    capacity = pool(place("a"), place("b", "Type2")).capacity
    booked = Booked(capacity, (*asks, *others), Plan(plan))
    done = replan(booked, _rank)
    assert (done.displaced, done.is_smallest) == (("y",), True)
    hasty = replan(booked, _rank, Effort(tries=0))
    assert (hasty.displaced, hasty.is_smallest) == (("x", "z"), False)


def test_what_is_not_proven_is_not_called_the_smallest() -> None:
    booked = booked_with(
        pool(place("a", "A"), place("b", "B"), place("c", "A B")),
        ask("x", 8, 10.5, needs("A")),
        ask("z", 11, 13, needs("B")),
        ask("v", 10, 12),
    )
    done = without(booked, "c", _rank, Effort(rounds=2, states=20, stays=10))
    assert len(done.displaced) == 1
    assert not done.is_smallest
    assert not flaws(
        replace(_left(booked, done), capacity=pool(place("a", "A"), place("b", "B")).capacity)
    )
