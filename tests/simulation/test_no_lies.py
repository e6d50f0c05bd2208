"""A thousand hostile worlds: every command ends in time, and its outcome is true.

Half of the stations are as those of the field (`station/field/tempers.py`).

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
    again = f"make simulate FIRST={ran.seed} SEEDS=1"
    kinds = ", ".join(ran.temper.field.kinds) or "as ever"
    head = f"seed {ran.seed}, station {kinds} (again: {again})"
    return "\n".join((head, str(ran.temper), "", *ran.story, "", "LIES:", *found))


@pytest.mark.parametrize("seeds", BLOCKS, ids=lambda seeds: f"seeds-{seeds[0]}-to-{seeds[-1]}")
def test_no_command_lies_whatever_happens(stage: Stage, seeds: range) -> None:
    reports: dict[int, str] = {}
    for seed in seeds:
        ran = stage.play(seed)
        found = lies(ran)
        if found:
            reports[seed] = _report(ran, found)
    which = " ".join(map(str, reports))
    assert not reports, f"seeds with lies: {which}\n\n" + "\n\n".join(reports.values())
