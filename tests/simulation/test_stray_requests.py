"""Requests that stray on direct lines: worlds play them, and a careless gateway is found."""

from collections import Counter

import pytest

from domain.commands import transitions
from fleet import sends
from tests.simulation.hunting import found_on_stray_lines, stray_seeds
from tests.simulation.rules.lies import lies
from tests.simulation.world.stage import Stage

WORLDS = 40
NOT_SENT_BUT_GOT = "NOT_SENT, and the station got its frame"


def test_worlds_play_what_strays_on_a_line(stage: Stage) -> None:
    met: Counter[str] = Counter()
    for seed in stray_seeds(WORLDS):
        ran = stage.play(seed)
        assert not lies(ran), seed
        met.update(ran.strayed)
        for arrival in ran.arrivals:
            met["decided over the task queue"] += arrival.is_decided
            met["ended"] += arrival.has_ended
            met["ended unsent"] += arrival.has_ended and not arrival.is_decided
            met["after the epoch was lost"] += arrival.is_stale
            met["before any decision, too"] += arrival.is_stale and not arrival.is_decided
    assert min(met.values()) >= 3, met


def test_a_gateway_that_does_not_look_at_the_epoch_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def careless(*_: object) -> None:
        """Believes that its socket is the newest one."""

    monkeypatch.setattr(sends, "_fence", careless)
    lie = "was written on a connection that was over"
    assert found_on_stray_lines(stage, lie, WORLDS, seen_in=62)


def test_a_gateway_that_does_not_look_whether_the_command_has_ended_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transitions, "ended_unsent", lambda _: False)
    assert found_on_stray_lines(stage, NOT_SENT_BUT_GOT, WORLDS, seen_in=31)
