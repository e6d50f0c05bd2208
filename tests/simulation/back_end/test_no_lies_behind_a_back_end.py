"""Hostile worlds whose station stands behind another back end (CSMS), which has a mind of its own.

It answers late or never, refuses tokens, drops, and starts, stops, unlocks, reserves and resets by
itself, through the real relay. Each seed has such a world beside the one of `test_no_lies.py`.

EVCOMMAND_SIMULATION_BEHIND: how many worlds (`make simulate BEHIND=1000`).
EVCOMMAND_SIMULATION_FIRST_SEED: where to begin. The rules are in `rules/lies.py` and
`rules/back_end.py`.
"""

import os

import pytest

from tests.simulation.rules.lies import lies
from tests.simulation.world.stage import Stage
from tests.simulation.world.world import Ran

WORLDS = int(os.environ.get("EVCOMMAND_SIMULATION_BEHIND", "50"))
FIRST = int(os.environ.get("EVCOMMAND_SIMULATION_FIRST_SEED", "1"))
BLOCK = 25

BLOCKS = [
    range(begin, min(begin + BLOCK, FIRST + WORLDS))
    for begin in range(FIRST, FIRST + WORLDS, BLOCK)
]

FOUND = (
    *(331, 2824, 3047, 3249, 3579, 5157, 5840, 5887, 6191, 6705),
    *(7005, 8023, 8234, 8296, 9331, 9422, 9891, 10376),
)
"""Worlds beyond the first ones that once had a lie, or a judge that was wrong."""


def _report(ran: Ran, found: list[str]) -> str:
    again = f"make simulate FIRST={ran.seed} BEHIND=1"
    head = f"seed {ran.seed} behind a back end (again: {again})"
    temper = ran.back_end and ran.back_end.temper
    return "\n".join((head, str(ran.temper), str(temper), "", *ran.story, "", "LIES:", *found))


@pytest.mark.parametrize("seeds", BLOCKS, ids=lambda seeds: f"seeds-{seeds[0]}-to-{seeds[-1]}")
def test_no_command_lies_behind_a_back_end_whatever_either_does(stage: Stage, seeds: range) -> None:
    reports: dict[int, str] = {}
    for seed in seeds:
        ran = stage.play(seed, behind=True)
        found = lies(ran)
        if found:
            reports[seed] = _report(ran, found)
    which = " ".join(map(str, reports))
    assert not reports, f"seeds with lies: {which}\n\n" + "\n\n".join(reports.values())


@pytest.mark.parametrize("seed", FOUND)
def test_what_was_found_behind_a_back_end_is_not_found_again(stage: Stage, seed: int) -> None:
    ran = stage.play(seed, behind=True)
    found = lies(ran)
    assert not found, _report(ran, found)


def test_the_worlds_behind_a_back_end_have_what_they_are_about(stage: Stage) -> None:
    """The back end acts, is followed by ours, refuses, and both have CALLs at one station."""
    asked, refused, together = set(), 0, 0
    for seed in range(1, 31):
        ran = stage.play(seed, behind=True)
        assert ran.back_end is not None
        theirs = [one for one in ran.truth.frames if one.message_id in ran.back_end.calls]
        asked |= {one.action for one in theirs}
        together += bool(theirs) and len(ran.truth.frames) > len(theirs)
        refused += sum(one.end_cause == "deauthorized" for one in ran.truth.sessions)
    kinds = {"RemoteStartTransaction", "Reset", "UnlockConnector", "ReserveNow", "TriggerMessage"}
    assert kinds | {"RequestStartTransaction", "CancelReservation"} <= asked
    assert refused >= 3
    assert together >= 8
