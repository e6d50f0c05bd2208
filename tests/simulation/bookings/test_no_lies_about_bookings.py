"""Hostile worlds of bookings: no double promise, none forgotten, no place blocked, no lie.

EVCOMMAND_SIMULATION_BOOKINGS: how many worlds (`make simulate BOOKINGS=1000`).
EVCOMMAND_SIMULATION_FIRST_SEED: where to begin. The rules are in `rules/judge.py`.
"""

import os

import pytest

from tests.simulation.bookings.stage import PoolStage

WORLDS = int(os.environ.get("EVCOMMAND_SIMULATION_BOOKINGS", "40"))
FIRST = int(os.environ.get("EVCOMMAND_SIMULATION_FIRST_SEED", "1"))
BLOCK = 10

BLOCKS = [
    range(begin, min(begin + BLOCK, FIRST + WORLDS))
    for begin in range(FIRST, FIRST + WORLDS, BLOCK)
]


@pytest.mark.parametrize("seeds", BLOCKS, ids=lambda seeds: f"seeds-{seeds[0]}-to-{seeds[-1]}")
def test_no_booking_is_promised_twice_forgotten_or_told_wrongly(
    yard: PoolStage, seeds: range
) -> None:
    reports: dict[int, str] = {}
    for seed in seeds:
        ran = yard.play(seed)
        if ran.lies:
            reports[seed] = ran.report()
    which = " ".join(map(str, reports))
    assert not reports, f"seeds with lies: {which}\n\n" + "\n\n".join(reports.values())


def test_a_world_of_bookings_can_be_played_again(yard: PoolStage) -> None:
    assert yard.play(1).story == yard.play(1).story
