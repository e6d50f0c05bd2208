"""Any process is killed at any step: no booking is lost, and nothing happens to it twice.

EVCOMMAND_SIMULATION_KILLS: how many worlds, with five to seven kills each (`make simulate
KILLS=1000`). EVCOMMAND_SIMULATION_FIRST_SEED: where to begin.
"""

import os

import pytest

from tests.simulation.bookings.kills.killing import KilledYard
from tests.simulation.bookings.stage import PoolStage

WORLDS = int(os.environ.get("EVCOMMAND_SIMULATION_KILLS", "10"))
FIRST = int(os.environ.get("EVCOMMAND_SIMULATION_FIRST_SEED", "1"))
BLOCK = 10

BLOCKS = [
    range(begin, min(begin + BLOCK, FIRST + WORLDS))
    for begin in range(FIRST, FIRST + WORLDS, BLOCK)
]


@pytest.mark.parametrize("seeds", BLOCKS, ids=lambda seeds: f"seeds-{seeds[0]}-to-{seeds[-1]}")
def test_no_booking_is_lost_or_doubled_whichever_process_is_killed_at_which_write(
    yard: PoolStage, seeds: range
) -> None:
    reports: dict[int, str] = {}
    for seed in seeds:
        ran = yard.play(seed, KilledYard)
        if ran.lies:
            reports[seed] = ran.report()
    which = " ".join(map(str, reports))
    assert not reports, f"seeds with lies: {which}\n\n" + "\n\n".join(reports.values())
