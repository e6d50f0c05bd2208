"""Small pools of chance: the search against every possible plan, and each proof before a judge.

EVCOMMAND_BOOKING_POOLS: how many pools; 20,000 take some minutes.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from domain.bookings.plan import Ask, Booked, Effort, NoPlanFound, PoolFull, flaws
from domain.bookings.planning.admission import admit, furnished, planned
from domain.bookings.planning.exact import ExactSearch
from domain.bookings.planning.replan import without
from tests.unit.domain.bookings.plan.judges import assert_proves, has_plan, is_crowded
from tests.unit.domain.bookings.plan.pools import accept, small_pool

POOLS = int(os.environ.get("EVCOMMAND_BOOKING_POOLS", "400"))


def test_the_search_is_as_good_as_trying_every_plan() -> None:
    full = proven = 0
    for seed in range(POOLS):
        booked, asks = small_pool(seed)
        for new in asks:
            everyone = [*booked.asks, new]
            verdict = admit(booked, new)
            assert (verdict.verdict == "PLANNED") == has_plan(booked, everyone), (seed, new.id)
            match verdict:
                case PoolFull():
                    full += 1
                    assert_proves(verdict, booked, new)
                case NoPlanFound() if new.fixed_to is None:
                    proven += 1
                    assert verdict.is_proven
                    assert not is_crowded(booked, everyone), (seed, new.id)
            booked = accept(booked, new, verdict)
            assert not flaws(booked), (seed, new.id)
    assert full > 20 * proven > 0, (full, proven)


def test_the_exact_search_alone_is_as_good_as_trying_every_plan() -> None:
    found = 0
    for seed in range(POOLS):
        booked, asks = small_pool(seed)
        asks.sort(key=lambda ask: ask.fixed_to is None)
        for count in range(2, len(asks) + 1):
            everyone = replace(booked, asks=tuple(asks[:count]))
            room, stays = furnished(everyone)
            has_one = ExactSearch(room, 1_000_000).place(stays)
            assert has_one == has_plan(booked, asks[:count]), (seed, count)
            if not has_one:
                break
            found += 1
            assert not flaws(replace(everyone, plan=planned(room, everyone).plan)), (seed, count)
    assert found > POOLS


def test_a_search_with_no_effort_refuses_more_but_proves_nothing_wrong() -> None:
    for seed in range(POOLS):
        booked, asks = small_pool(seed)
        for new in asks:
            verdict = admit(booked, new, Effort(rounds=0, states=0, stays=0))
            if isinstance(verdict, PoolFull):
                assert_proves(verdict, booked, new)
            if isinstance(verdict, NoPlanFound) and verdict.is_proven:
                assert not has_plan(booked, [*booked.asks, new])
            booked = accept(booked, new, verdict)
            assert not flaws(booked), (seed, new.id)


def _rank(one: Ask) -> int:
    return int(one.id[1:]) % 3


def _score(some: tuple[Ask, ...]) -> tuple[int, ...]:
    """How many of each rank, those first who should go last."""
    return tuple(sum(_rank(each) == rank for each in some) for rank in range(3))


def _all_choices(asks: list[Ask]) -> Iterator[tuple[Ask, ...]]:
    """Every set that may be displaced, the best one first."""
    sets = [some for size in range(len(asks) + 1) for some in combinations(asks, size)]
    yield from sorted(sets, key=_score)


def test_those_who_are_displaced_are_the_best_choice_wherever_that_is_claimed() -> None:
    claimed = displaced = 0
    for seed in range(POOLS // 2):
        booked, asks = small_pool(seed)
        for new in asks:
            booked = accept(booked, new, admit(booked, new))
        done = without(booked, "p0", _rank)
        capacity = replace(booked.capacity, places=booked.capacity.places[1:])
        loose = [replace(each, fixed_to=None) for each in booked.asks]
        kept = tuple(each for each in loose if each.id not in done.displaced)
        assert not flaws(Booked(capacity, kept, done.plan)), seed
        if done.is_smallest:
            claimed += 1
            gone = tuple(each for each in loose if each.id in done.displaced)
            displaced += len(gone)
            best = next(
                some
                for some in _all_choices(loose)
                if has_plan(Booked(capacity), [each for each in loose if each not in some])
            )
            assert _score(gone) == _score(best), seed
    assert claimed > 0.8 * (POOLS // 2)
    assert displaced > claimed
