"""Planted lies about reservations, and whether the rules find them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.commands import cancel_reservation as judge_cancel
from domain.commands import reserve_now as judge_reserve
from domain.commands.table import COMMANDS
from domain.evidence.facts import Act, Decision
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Command, Outcome
from domain.model.outcomes import Cause, ending
from domain.model.specs import Kind
from domain.reservations import next_step as reservation_steps
from domain.reservations import observing as judge_reservation
from domain.reservations import transitions as reservation_changes
from domain.reservations.facts import ReservationEvidence
from domain.reservations.next_step import NextStep, ReservationAct
from domain.reservations.reservation import Reservation
from domain.reservations.transitions import EndCause
from station_gateway.commands import sending
from tests.simulation.hunting import found_within
from tests.simulation.world.stage import Stage
from workflows import command_workflow, requests
from workflows.activities import reservations as reservation_activities

RESERVE = Kind.RESERVE_NOW


def shifted(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    """The timer of every reservation is wrong."""
    real = judge_reservation.observe

    def wrong(known: Reservation, facts: ReservationEvidence, now: datetime) -> Reservation:
        seen = real(replace(known, expire_time=known.expire_time + by), facts, now)
        after = replace(seen, expire_time=seen.expire_time - by)
        return known if after == known else after

    monkeypatch.setattr(reservation_activities, "observe", wrong)


def test_a_hold_that_never_was_is_found(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = COMMANDS[RESERVE]

    def hasty(command: Command, answer: StationAnswer) -> Outcome | None:
        refused = answer.verdict is Verdict.REJECTED
        return ending(Cause.RESERVED) if refused else rules.outcome_of_answer(command, answer)

    monkeypatch.setitem(
        COMMANDS, RESERVE, replace(rules, outcome_of_answer=hasty, no_settles=False)
    )
    assert found_within(stage, "never held it then", RESERVE)


def test_a_cancel_that_is_unknown_without_a_cause_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge_cancel, "_is_left", lambda _: True)
    unknown = "nothing failed, and it is UNKNOWN (EFFECT_NOT_EXCLUDED)"
    assert found_within(stage, unknown, Kind.CANCEL_RESERVATION, worlds=250, seen_in=1597)


def test_a_hold_of_unknown_outcome_that_nobody_cancels_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def asleep(*_: Any) -> None:
        """Nothing is sent."""

    monkeypatch.setattr(judge_reserve, "may_be_held", lambda *_: False)
    monkeypatch.setattr(command_workflow.RemoteCommandWorkflow, "_undo", asleep)
    assert found_within(stage, "compensation DONE, and it holds", RESERVE, seen_in=66)


def test_a_number_that_changes_between_repeats_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[..., Any] = requests.again_request

    def careless(*args: Any) -> Any:
        request = real(*args)
        spec = request.reserve
        return replace(request, reserve=spec and replace(spec, wire_id=spec.wire_id + 70))

    monkeypatch.setattr(command_workflow, "again_request", careless)
    assert found_within(stage, "it was asked for as", RESERVE)


def test_a_reservation_that_ends_too_early_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    shifted(monkeypatch, timedelta(seconds=-60))
    assert found_within(stage, "before its end", RESERVE)


def test_a_reservation_that_ends_too_late_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    shifted(monkeypatch, timedelta(seconds=20))
    assert found_within(stage, "later than", RESERVE, seen_in=23)


def test_a_hold_that_is_left_behind_is_found(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reservation_steps, "_is_cleared", lambda *_: True)
    assert found_within(stage, "and the station holds", RESERVE, seen_in=42)


def test_a_use_by_somebody_else_is_found(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge_reservation, "_is_holders", lambda *_: True)
    assert found_within(stage, "no session of its token", RESERVE, seen_in=82)


def test_a_use_that_is_overlooked_is_found(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge_reservation, "_used", lambda *_: None)
    assert found_within(stage, "had used it", RESERVE, seen_in=61)


def test_a_second_end_is_found(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reservation_changes, "may_become", lambda *_: True)
    real = judge_reservation.observe

    def again(known: Reservation, facts: ReservationEvidence, now: datetime) -> Reservation:
        if known.ended and known.cause != EndCause.HOLD_VANISHED:
            return reservation_changes.ended(known, EndCause.HOLD_VANISHED, now)
        return real(known, facts, now)

    monkeypatch.setattr(reservation_activities, "observe", again)
    assert found_within(stage, "one end: it ended as", RESERVE)


def test_an_ended_reservation_that_is_asked_for_again_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = reservation_steps.next_step

    def stubborn(known: Reservation, facts: ReservationEvidence, now: datetime) -> NextStep:
        step = real(known, facts, now)
        if step.act is not ReservationAct.END or known.end_time is None or len(facts.holds) > 1:
            return step
        later = known.end_time + timedelta(seconds=20)
        return (
            NextStep(ReservationAct.HOLD)
            if now >= later
            else NextStep(ReservationAct.WAIT, look_again=later)
        )

    async def whatever_the_time(*_: Any) -> bool:
        return True

    monkeypatch.setattr(reservation_activities, "next_step", stubborn)
    monkeypatch.setattr(sending, "is_in_time", whatever_the_time)
    assert found_within(stage, "it was asked for again", RESERVE)


def test_a_workflow_that_never_rests_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = judge_reserve.judge_reserve

    def restless(command: Any, facts: Any, timing: Any, now: datetime) -> Decision:
        decision = real(command, facts, timing, now)
        soon = command.send_time and now < command.send_time + timedelta(seconds=10)
        waits = decision.act is Act.WAIT and soon
        return replace(decision, look_again=now) if waits else decision

    wrong = replace(
        COMMANDS[RESERVE], judge=restless, judge_compensating=restless, judge_done=restless
    )
    monkeypatch.setitem(COMMANDS, RESERVE, wrong)
    assert found_within(stage, "at the facts within", RESERVE)
