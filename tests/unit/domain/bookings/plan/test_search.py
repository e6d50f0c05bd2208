"""A search of many spans answers as if each of them were asked alone, in the slow way."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from domain.bookings.plan import Ask, Booked, NoPlanFound, PoolFull
from domain.bookings.planning.admission import admit
from domain.bookings.planning.nearest import MOST_MISSES, free_spans, grid
from tests.unit.domain.bookings.plan.judges import assert_proves, has_plan, serves_plainly
from tests.unit.domain.bookings.plan.pools import (
    QUARTER,
    accept,
    ask,
    booked_with,
    hours,
    needs,
    place,
    pool,
    small_pool,
)

POOLS = 120
DAY = hours(0, 16)


def filled(seed: int) -> tuple[Booked, Ask]:
    """A small pool with all of its asks that have room, and one that is searched for."""
    booked, (like, *asks) = small_pool(seed)
    for each in asks:
        booked = accept(booked, each, admit(booked, each))
    return booked, replace(like, id="(asked)", fixed_to=None)


def test_a_search_tells_of_each_span_what_trying_every_plan_tells() -> None:
    spans = misses = 0
    for seed in range(POOLS):
        booked, like = filled(seed)
        for free in free_spans(booked, like.needs, grid(DAY, like.span.length, QUARTER * 2)):
            new = replace(like, span=free.span)
            spans += 1
            exists = has_plan(booked, [*booked.asks, new])
            assert (free.why is None) or not free.free
            if isinstance(free.why, NoPlanFound):
                misses += exists
                continue
            assert (free.why is None) == exists
            if isinstance(free.why, PoolFull):
                assert_proves(free.why, booked, new)
    assert spans > 20 * POOLS
    assert misses == 0


def test_a_search_counts_the_places_that_nobody_has_at_any_moment() -> None:
    for seed in range(POOLS):
        booked, like = filled(seed)
        if booked.capacity.closures or any(each.fixed_to for each in booked.asks):
            continue
        for free in free_spans(booked, like.needs, grid(DAY, like.span.length, QUARTER * 2)):
            assert free.free == _free(booked, replace(like, span=free.span))


def _free(booked: Booked, new: Ask) -> int:
    """The places of each kind that serves, less the most bookings that are there at a moment."""
    by_kind: dict[object, list[str]] = {}
    for at in booked.capacity.places:
        if serves_plainly(at, new.needs):
            by_kind.setdefault((at.connector_types, at.max_power_w), []).append(at.id)
    buffer = booked.capacity.buffer
    moments = {new.span.start, *(each.span.start for each in booked.asks)}
    inside = [at for at in moments if new.span.start <= at < new.span.end + buffer]
    return sum(
        len(ids) - max(_there(booked, ids, moment, buffer) for moment in inside)
        for ids in by_kind.values()
    )


def _there(booked: Booked, ids: list[str], moment: datetime, buffer: timedelta) -> int:
    return sum(
        each.span.start <= moment < each.span.end + buffer
        for each in booked.asks
        if booked.plan.places[each.id] in ids
    )


def test_who_moves_for_one_span_is_looked_for_anew_in_the_next_one() -> None:
    # x has to leave A for the first span, and A is full for the second one only with x there.
    booked = booked_with(
        pool(place("a", "A"), place("b", "B")), ask("x", 8, 10, needs("A B")), ask("y", 10, 12)
    )
    spans = [hours(8, 9), hours(9, 10), hours(9.5, 10.5), hours(8, 9), hours(11, 12)]
    for what in (needs("A"), needs("B"), needs()):
        found = [each.why is None for each in free_spans(booked, what, spans)]
        alone = [free_spans(booked, what, [each])[0].why is None for each in spans]
        assert found == alone


def test_a_search_leaves_nothing_to_the_garbage_collector() -> None:
    booked = booked_with(
        pool(place("a", "A"), place("b", "B")),
        ask("x", 8, 10.5, needs("A")),
        ask("z", 11, 13, needs("B")),
    )
    with _without_collector():
        found = free_spans(booked, needs(), [hours(10, 12)] * (MOST_MISSES + 1))
        assert all(isinstance(each.why, NoPlanFound) for each in found)
        admit(booked, ask("new", 10, 12))
        assert gc.collect() == 0


@contextmanager
def _without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
