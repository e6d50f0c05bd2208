"""The same seed plays the same world, and the rules find the lies that are planted in it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from domain.commands import start_session
from domain.commands.table import COMMANDS
from domain.evidence.facts import Act, Decision
from domain.evidence.sessions import Match
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Command, Outcome
from domain.model.outcomes import Cause, ending
from domain.model.specs import Kind
from fleet import sends
from fleet.engine.statements import Tx
from fleet.sends import Send
from station_gateway.commands import recording
from tests.simulation.hunting import absent, found_within
from tests.simulation.world.stage import Stage


def test_the_same_seed_is_the_same_story(stage: Stage) -> None:
    for seed in (5, 7, 54):
        assert stage.play(seed).story == stage.play(seed).story


def test_a_success_without_a_session_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = COMMANDS[Kind.START_SESSION]

    def hasty(command: Command, answer: StationAnswer) -> Outcome | None:
        if answer.verdict is Verdict.ACCEPTED:
            return ending(Cause.SESSION_STARTED)
        return rules.outcome_of_answer(command, answer)

    wrong = replace(rules, outcome_of_answer=hasty)
    monkeypatch.setitem(COMMANDS, Kind.START_SESSION, wrong)
    assert found_within(stage, "SUCCEEDED without a session", Kind.START_SESSION)


def test_a_frame_sent_twice_is_found(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    plant_a_careless_workflow(monkeypatch)
    monkeypatch.setattr(recording, "repeats", lambda *_: False)  # what a gateway refuses
    assert found_within(stage, "start frames", Kind.START_SESSION, seen_in=204)


def test_a_gateway_sends_nothing_twice_for_a_careless_workflow(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant_a_careless_workflow(monkeypatch)
    assert absent(stage, "start frames", Kind.START_SESSION, seen_in=204)


def plant_a_careless_workflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """It believes that what was perhaps sent was not."""
    real: Callable[..., Any] = sends.void

    async def careless(tx: Tx, **key: Any) -> Send:
        row: Send = await real(tx, **key)
        return replace(row, state="VOID")

    monkeypatch.setattr(sends, "void", careless)


def test_a_late_session_that_nobody_stops_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asleep(command: Command, *_: Any) -> Decision:
        del command
        return Decision(Act.SETTLE)

    rules = COMMANDS[Kind.START_SESSION]
    wrong = replace(rules, judge_compensating=asleep, judge_done=asleep)
    monkeypatch.setitem(COMMANDS, Kind.START_SESSION, wrong)
    assert found_within(stage, "runs on", Kind.START_SESSION, seen_in=22)


def test_a_session_of_the_drivers_own_that_is_stopped_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start_session, "best_match", _first_session)
    assert found_within(stage, "it undid session", Kind.START_SESSION)


def _first_session(_command: Any, facts: Any, *_: Any) -> Any:
    running = [session for session in facts.sessions if session.active]
    return (running[0], Match.MATCH) if running else (None, Match.NO_MATCH)


def test_a_start_that_is_unknown_without_a_cause_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start_session, "is_in_use", lambda *_: True)
    unknown = "nothing failed, and it is UNKNOWN (START_NOT_EXCLUDED)"
    assert found_within(stage, unknown, Kind.START_SESSION, seen_in=187)
