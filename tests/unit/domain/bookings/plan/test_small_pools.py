"""Small pools of chance: the search against every possible plan, and each proof before a judge.

EVCOMMAND_BOOKING_POOLS: how many pools; 20,000 take some minutes.
"""

import os

from domain.bookings.plan import Effort, NoPlanFound, PoolFull, flaws
from domain.bookings.planning.admission import admit
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
