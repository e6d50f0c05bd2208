"""When there is room."""

from dataclasses import replace
from datetime import UTC, timedelta

from domain.bookings.plan import Closure, NoPlanFound, Plan, Planned, PoolFull
from domain.bookings.planning.admission import admit
from domain.bookings.planning.nearest import LOOK, MOST_MISSES, FreeSpan, free_spans, grid, nearest
from tests.unit.domain.bookings.plan.pools import ask, booked_with, hours, needs, place, pool

HOUR = timedelta(hours=1)


def test_a_grid_ends_where_no_whole_span_is_left() -> None:
    assert list(grid(hours(8, 10.5), HOUR, HOUR / 2)) == [
        hours(8, 9),
        hours(8.5, 9.5),
        hours(9, 10),
        hours(9.5, 10.5),
    ]


def test_the_places_are_counted_that_are_free_all_the_time() -> None:
    booked = booked_with(pool(place("a"), place("b"), place("c")), ask("x", 8, 9), ask("y", 8, 10))
    free = free_spans(booked, needs("CCS"), grid(hours(7, 11), HOUR, HOUR))
    assert [each.free for each in free] == [3, 1, 2, 3]
    assert free_spans(booked, needs(), []) == ()


def test_room_by_moving_others_is_told_without_moving_them() -> None:
    booked = booked_with(pool(place("a", "CCS"), place("b", "Type2")), ask("x", 8, 9))
    only_there = needs("CCS" if booked.plan.places["x"] == "a" else "Type2")
    spans = [hours(8, 9), hours(8.5, 9.5)]
    assert free_spans(booked, only_there, spans) == tuple(FreeSpan(each, 0) for each in spans)


def test_a_full_span_says_why() -> None:
    booked = booked_with(pool(place("a"), closures=(Closure(hours(10, 11)),)), ask("x", 8, 9))
    full, free, closed = free_spans(booked, needs(), grid(hours(8, 11), HOUR, HOUR))
    assert isinstance(full.why, PoolFull)
    assert full.why.sentence(UTC) == "08:00: 2 want a place, 1 is there"
    assert free == FreeSpan(hours(9, 10), 1)
    assert isinstance(closed.why, PoolFull)
    assert closed.why.there == 0


def test_nothing_is_free_while_the_plan_itself_does_not_hold() -> None:
    booked = booked_with(pool(place("a")), ask("x", 8, 9))
    closed = replace(booked.capacity, closures=(Closure(hours(8, 9)),))
    free = free_spans(replace(booked, capacity=closed), needs(), [hours(8.5, 9.5)])
    assert free == (FreeSpan(hours(8.5, 9.5), 0, NoPlanFound(0)),)


def test_after_many_spans_without_a_plan_less_is_searched() -> None:
    booked = booked_with(
        pool(place("a", "A"), place("b", "B")),
        ask("x", 8, 10.5, needs("A")),
        ask("z", 11, 13, needs("B")),
    )
    spans = [hours(10, 12)] * (MOST_MISSES + 1)
    free = [each.why for each in free_spans(booked, needs(), spans)]
    assert free == [NoPlanFound(LOOK.rounds)] * MOST_MISSES + [NoPlanFound(0)]


def test_the_three_nearest_spans_would_be_admitted() -> None:
    booked = booked_with(pool(place("a")), ask("x", 12, 14), ask("y", 14.5, 15))
    new = ask("new", 13, 14)
    spans = grid(hours(8, 20), HOUR, HOUR / 2)
    found = nearest(booked, new, spans)
    assert found == (hours(15, 16), hours(11, 12), hours(15.5, 16.5))
    assert all(isinstance(admit(booked, replace(new, span=each)), Planned) for each in found)


def test_fewer_are_named_if_there_are_no_more() -> None:
    booked = booked_with(pool(place("a")), ask("x", 12, 14))
    assert nearest(booked, ask("new", 12, 13), [hours(13, 14), hours(14, 15)]) == (hours(14, 15),)
    assert nearest(booked, ask("x", 12, 13), [hours(13, 14)]) == (hours(13, 14),)
    assert nearest(replace(booked, asks=(), plan=Plan()), ask("new", 12, 13), []) == ()
