"""A thousand hostile worlds: every command ends in time, and its outcome is true.

EVCOMMAND_SIMULATION_SEEDS: how many worlds. EVCOMMAND_SIMULATION_FIRST_SEED: where to begin; with
one seed, the one world of a failure is played again. The rules are in `rules/lies.py`.
"""

import os

import pytest

from tests.simulation.rules.lies import lies
from tests.simulation.world.stage import Stage
from tests.simulation.world.world import Ran

SEEDS = int(os.environ.get("EVCOMMAND_SIMULATION_SEEDS", "1000"))
FIRST = int(os.environ.get("EVCOMMAND_SIMULATION_FIRST_SEED", "1"))
BLOCK = 25

BLOCKS = [
    range(begin, min(begin + BLOCK, FIRST + SEEDS)) for begin in range(FIRST, FIRST + SEEDS, BLOCK)
]


def _report(ran: Ran, found: list[str]) -> str:
    again = f"EVCOMMAND_SIMULATION_FIRST_SEED={ran.seed} EVCOMMAND_SIMULATION_SEEDS=1"
    story = "\n".join(ran.story)
    return f"seed {ran.seed} (again: {again})\n{ran.temper}\n\n{story}\n\nLIES:\n" + "\n".join(
        found
    )


@pytest.mark.parametrize("seeds", BLOCKS, ids=lambda seeds: f"seeds-{seeds[0]}-to-{seeds[-1]}")
def test_no_command_lies_whatever_happens(stage: Stage, seeds: range) -> None:
    reports = []
    for seed in seeds:
        ran = stage.play(seed)
        found = lies(ran)
        if found:
            reports.append(_report(ran, found))
    assert not reports, "\n\n" + "\n\n".join(reports)
