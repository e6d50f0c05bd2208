"""Planted lies about locks and restarts, and whether the rules find them."""

from dataclasses import replace
from typing import Any

import pytest

from domain.commands import reset as judge_reset
from domain.commands.table import COMMANDS
from domain.evidence.proof import Proof, Sign
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Command, Outcome
from domain.model.outcomes import Cause, ending
from domain.model.specs import Kind
from fleet import transactions
from fleet.engine.statements import Tx
from station_gateway.commands import recording
from tests.simulation.hunters.test_hunter import plant_a_careless_workflow
from tests.simulation.hunting import absent, found_within
from tests.simulation.world.stage import Stage


def plant(monkeypatch: pytest.MonkeyPatch, kind: Kind, verdict: Verdict, cause: Cause) -> None:
    """Such an answer is taken for this end."""
    rules = COMMANDS[kind]

    def hasty(command: Command, answer: StationAnswer) -> Outcome | None:
        if answer.verdict is verdict:
            return ending(cause)
        return rules.outcome_of_answer(command, answer)

    monkeypatch.setitem(COMMANDS, kind, replace(rules, outcome_of_answer=hasty, no_settles=False))


def overlook_boots(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules of a reset see no boot."""

    def blind(*_: Any) -> Cause:
        return Cause.STATION_DID_NOT_RESTART

    monkeypatch.setattr(judge_reset, "_has_booted", lambda *_: False)
    monkeypatch.setattr(judge_reset, "_not_restarted", blind)


def plant_blindness(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the rules of a reset nor its proof see a boot."""
    overlook_boots(monkeypatch)
    proof = Proof(speaks_against=(Sign.SAME_CONNECTION,))
    blind = replace(COMMANDS[Kind.RESET], proof=lambda *_: proof)
    monkeypatch.setitem(COMMANDS, Kind.RESET, blind)


def test_an_unlock_that_failed_and_is_called_a_success_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, Kind.UNLOCK_CONNECTOR, Verdict.FAILED, Cause.CONNECTOR_UNLOCKED)
    assert found_within(stage, "never unlocked", Kind.UNLOCK_CONNECTOR, seen_in=41)


def test_an_unlock_that_worked_and_is_called_a_failure_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, Kind.UNLOCK_CONNECTOR, Verdict.ACCEPTED, Cause.UNLOCK_FAILED)
    assert found_within(stage, "was unlocked", Kind.UNLOCK_CONNECTOR)


def test_a_restart_that_is_believed_for_a_promise_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, Kind.RESET, Verdict.ACCEPTED, Cause.STATION_RESTARTED)
    assert found_within(stage, "never restarted", Kind.RESET, seen_in=276)


def test_a_restart_that_is_overlooked_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant_blindness(monkeypatch)
    assert found_within(stage, "its frame restarted", Kind.RESET)


def test_a_blind_rule_for_restarts_tells_no_lie_without_a_proof(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    overlook_boots(monkeypatch)
    assert absent(stage, "its frame restarted", Kind.RESET, seen_in=6)


def test_a_reset_that_is_unknown_without_a_cause_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge_reset, "_not_restarted", lambda *_: Cause.RESTART_NOT_CONFIRMED)
    unknown = "nothing failed, and it is UNKNOWN (RESTART_NOT_CONFIRMED)"
    assert found_within(stage, unknown, Kind.RESET, 3_000, seen_in=21496)


def test_an_unlock_that_is_written_twice_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant_a_careless_workflow(monkeypatch)
    monkeypatch.setattr(recording, "repeats", lambda *_: False)  # what a gateway refuses
    assert found_within(
        stage, "frames of UNLOCK_CONNECTOR", Kind.UNLOCK_CONNECTOR, 400, seen_in=461
    )


def test_a_first_stop_of_another_evses_session_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = transactions.active

    async def anywhere(tx: Tx, station: str, **_: Any) -> list[transactions.Transaction]:
        return await real(tx, station)

    monkeypatch.setattr(transactions, "active", anywhere)
    assert found_within(stage, "it stopped session", Kind.UNLOCK_CONNECTOR, 400, seen_in=29)
