"""What the simulation of hostile stations found: waits without end, and looks without pause."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.commands import transitions as changes
from domain.commands.judging import apply, judge
from domain.commands.transitions import answered as answered_by
from domain.evidence.facts import Act, Facts
from domain.evidence.frames import ReservationFrame
from domain.evidence.restart import ConnectorReport, RestartFacts
from domain.model.answers import CallError, StationAnswer, Verdict
from domain.model.command import Code, Command, Compensation, CompensationState, State
from domain.model.outcomes import Cause, ending
from domain.model.specs import CancelReservationSpec, Kind, ReserveSpec
from domain.reservations.facts import ReservationEvidence
from domain.reservations.next_step import ReservationAct, next_step
from domain.reservations.reservation import ReservationState
from domain.reservations.transitions import EndCause, requested
from domain.reservations.transitions import ended as reservation_ended
from tests.unit.domain.situations import (
    ACCEPTED,
    NAMED,
    TIMING,
    answered,
    at,
    cable_first,
    facts,
    judged,
    reset,
    session,
    start,
)

RESERVE = ReserveSpec(
    id_token=start().start.id_token,  # type: ignore[union-attr]
    expire_time=at(3_600),
    evse_id=1,
    reservation="a" * 24,
    wire_id=7,
)


def lost(kind: Kind) -> Command:
    """A command of a hold whose frame got no answer."""
    return replace(
        start(),
        kind=kind,
        start=None,
        reserve=RESERVE if kind is Kind.RESERVE_NOW else None,
        cancel_reservation=CancelReservationSpec(7) if kind is Kind.CANCEL_RESERVATION else None,
        state=State.AWAITING_EFFECT,
        send_time=at(0),
        not_after=at(120),
    )


@pytest.mark.parametrize("kind", [Kind.RESERVE_NOW, Kind.CANCEL_RESERVATION])
def test_a_lost_answer_of_a_station_that_is_away_is_waited_for_until_the_deadline(
    kind: Kind,
) -> None:
    known = Facts(asks=(ReservationFrame(1, at(0), over=True),), connected_since=None)
    decision = judge(lost(kind), known, TIMING, at(60))
    assert (decision.act, decision.look_again) == (Act.WAIT, at(120))


@pytest.mark.parametrize("kind", [Kind.RESERVE_NOW, Kind.CANCEL_RESERVATION])
def test_a_repeat_that_is_not_due_is_waited_for(kind: Kind) -> None:
    known = Facts(asks=(ReservationFrame(1, at(58), over=True),), connected_since=at(59))
    decision = judge(lost(kind), known, TIMING, at(60))
    assert decision.act is Act.WAIT
    assert decision.look_again is not None
    assert at(60) < decision.look_again <= at(60) + timedelta(seconds=5)


def test_a_hold_that_ran_out_while_it_was_undone_ends_its_command() -> None:
    pending = Compensation(CompensationState.PENDING, "No answer.", update_time=at(100))
    command = replace(lost(Kind.RESERVE_NOW), compensation=pending)
    known = Facts(asks=(ReservationFrame(1, at(0), over=True),), connected_since=at(0))
    after = apply(command, judge(command, known, TIMING, at(3_601)), at(3_601))
    assert after.state is State.DONE
    assert after.outcome is not None
    assert after.outcome.code is Code.UNKNOWN
    assert after.compensation.state is CompensationState.FAILED


def test_a_session_that_turns_out_to_be_anothers_is_not_told_to_stop_again() -> None:
    theirs = session(remote_start_id=99)
    undoing = Compensation(
        CompensationState.PENDING, "", theirs.name, theirs.ocpp_transaction_id, at(5)
    )
    command = replace(
        answered(start()),
        state=State.COMPENSATING,
        outcome=ending(Cause.CANCELLED_BY_CALLER),
        compensation=undoing,
    )
    decision = judge(command, facts(theirs), TIMING, at(500))
    assert decision.act is Act.UNDO_FAILED


@pytest.mark.parametrize("kind", [Kind.RESERVE_NOW, Kind.CANCEL_RESERVATION])
def test_an_error_in_answer_to_a_repeat_says_nothing_about_the_first_frame(kind: Kind) -> None:
    unknown = replace(lost(kind), outcome=ending(Cause.ANSWER_TIMEOUT))
    error = StationAnswer(Verdict.NOT_SUPPORTED, call_error=CallError("NotSupported"))
    heard = answered_by(unknown, error, at(20))
    assert heard.outcome is not None
    assert heard.outcome.code is Code.UNKNOWN


def test_a_hold_that_was_agreed_to_after_its_end_is_cleared_away() -> None:
    held = requested(lost(Kind.RESERVE_NOW), "a" * 24, "reservation/acme/a")
    over = reservation_ended(
        replace(held, state=ReservationState.HELD), EndCause.CANCELLED_BY_CALLER, at(10)
    )
    crossed = ReservationFrame(1, at(9), over=True, answer=ACCEPTED, answer_time=at(11))
    assert (
        next_step(over, ReservationEvidence(holds=(crossed,), ready=True), at(12)).act
        is ReservationAct.CANCEL
    )


def test_a_hold_that_was_made_again_before_a_cancels_late_answer_is_cleared_away() -> None:
    held = requested(lost(Kind.RESERVE_NOW), "a" * 24, "reservation/acme/a")
    over = reservation_ended(
        replace(held, state=ReservationState.HELD), EndCause.CANCELLED_BY_CALLER, at(80)
    )
    again = ReservationFrame(1, at(50), over=True, answer=ACCEPTED, answer_time=at(51))
    assert (
        next_step(over, ReservationEvidence(holds=(again,), ready=True), at(81)).act
        is ReservationAct.CANCEL
    )


def test_a_car_that_comes_is_no_restart_of_its_evse() -> None:
    came = ConnectorReport(1, "Occupied", at(50), "Available", at(50))
    known = facts(restart=RestartFacts(connectors=(came,), connected=True, same_socket=True))
    decision = judge(answered(reset(evse_id=1)), known, TIMING, at(51))
    assert decision.act is Act.WAIT


def test_a_session_that_may_be_authorised_yet_keeps_a_cancelled_start_waiting() -> None:
    cancelled = changes.cancelled(answered(start(), NAMED), at(12))
    assert judged(cancelled, cable_first(), 20) == "WAIT"
    assert judged(cancelled, cable_first(charging_state="Charging"), 20) == "UNDO"
    assert judged(cancelled, cable_first(), 76) == "SETTLE"
