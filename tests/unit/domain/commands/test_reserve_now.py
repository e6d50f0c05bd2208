"""What became of a ReserveNow: one test per situation. T0 is when the first frame left."""

from dataclasses import replace

import pytest

from domain.commands import transitions as changes
from domain.commands.judging import apply, guard_end, is_guarded
from domain.commands.table import COMMANDS
from domain.commands.wording import frame_title, title
from domain.evidence.facts import Act, Facts
from domain.evidence.frames import ReservationFrame
from domain.evidence.sessions import ConnectorState
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Code, Command, CompensationState, State
from domain.model.outcomes import Cause, ending
from domain.model.specs import Kind
from domain.reservations.reservation import ReservationState
from domain.reservations.transitions import EndCause
from tests.unit.domain.commands.reserving.asked import (
    ERROR,
    MADE,
    decided,
    given_up,
    known,
    said,
    taken_back,
)
from tests.unit.domain.situations import (
    ACCEPTED,
    REJECTED,
    RESERVATION,
    TIMING,
    answered,
    asks,
    at,
    lost,
    reserve,
)

RULES = COMMANDS[Kind.RESERVE_NOW]


# --- the answer


def test_a_reservation_that_was_made_is_told_in_the_outcome() -> None:
    outcome = answered(reserve()).outcome
    assert outcome is not None
    assert (outcome.code, outcome.cause) == (Code.SUCCEEDED, Cause.RESERVED)
    assert outcome.reservation == MADE


@pytest.mark.parametrize(
    ("word", "cause"),
    [
        ("Occupied", Cause.EVSE_OCCUPIED),
        ("Faulted", Cause.EVSE_FAULTED),
        ("Unavailable", Cause.EVSE_UNAVAILABLE),
        ("Rejected", Cause.STATION_REJECTED),
    ],
)
def test_a_refusal_says_why(word: str, cause: Cause) -> None:
    outcome = answered(reserve(), StationAnswer(Verdict.REJECTED, word)).outcome
    assert outcome is not None
    assert outcome.cause == cause
    assert outcome.reservation is None


def test_a_yes_that_nobody_wants_any_longer_is_undone_first() -> None:
    wanted_back = changes.cancel_asked(changes.sent(reserve(), at(0)), "no more")
    heard = changes.answered(wanted_back, ACCEPTED, at(1))
    assert heard.outcome is None
    assert changes.answered(taken_back(), ACCEPTED, at(21)).outcome == taken_back().outcome
    assert changes.answered(given_up(), ACCEPTED, at(41)).state is not State.DONE


def test_a_no_to_a_repeat_decides_nothing() -> None:
    assert changes.answered(lost(reserve()), REJECTED, at(31)).state is State.AWAITING_EFFECT


# --- while it is awaited


def test_an_answer_that_only_the_facts_have_decides() -> None:
    decision = decided(lost(reserve()), known(None, ACCEPTED), 15)
    assert decision.outcome is not None
    assert decision.outcome.reservation == MADE
    assert said(lost(reserve()), known(REJECTED), 15) == "STATION_REJECTED"


def test_a_pending_answer_is_waited_for() -> None:
    pending = known(asks=(ReservationFrame(1, at(0)),))
    assert decided(lost(reserve()), pending, 2).look_again == at(7)


def test_a_lost_answer_is_asked_for_again_with_the_same_number() -> None:
    assert decided(lost(reserve()), known(None), 6).act is Act.SEND_AGAIN


def test_nothing_is_decided_before_a_frame_was_sent() -> None:
    assert decided(reserve(), Facts(), 1).act is Act.WAIT
    assert decided(replace(taken_back()), Facts(), 1).act is Act.SETTLE


@pytest.mark.parametrize(
    ("facts", "now_s"),
    [
        pytest.param(known(None, REJECTED), 15, id="a repeat was refused"),
        pytest.param(known(None, None, None), 40, id="no answer to any frame"),
        pytest.param(known(None), 300, id="its time is over"),
    ],
)
def test_what_may_be_reserved_without_a_yes_is_undone(facts: Facts, now_s: float) -> None:
    decision = decided(lost(reserve()), facts, now_s)
    assert decision.act is Act.UNDO
    undone = apply(lost(reserve()), decision, at(now_s))
    assert undone.compensation.state is CompensationState.PENDING
    assert (undone.compensation.reservation, undone.compensation.wire_id) == (RESERVATION, 42)


def test_a_caller_does_not_wait_for_a_station_that_is_away() -> None:
    away = known(None, REJECTED, connected_since=None)
    after = apply(lost(reserve()), decided(lost(reserve()), away, 15), at(15))
    assert after.state is State.DONE
    assert after.outcome is not None
    assert after.outcome.code is Code.UNKNOWN


def test_a_refusal_that_the_place_contradicts_is_never_told_as_no_answer() -> None:
    shown = ConnectorState(1, "Reserved", "Available", at(1))
    refused = known(REJECTED, connectors=(shown,))
    undoing = apply(reserve(), decided(reserve(), refused, 2), at(2))
    assert undoing.outcome is None
    unable = replace(refused, cancels=asks(StationAnswer(Verdict.NOT_SUPPORTED)))
    assert said(undoing, unable, 3) == "EFFECT_NOT_EXCLUDED"
    assert said(undoing, replace(unable, cancels=asks(ERROR)), 3_700) == "EFFECT_NOT_EXCLUDED"
    away = replace(refused, connected_since=None)
    assert said(reserve(), away, 2) == "EFFECT_NOT_EXCLUDED"


# --- while it is undone


def test_a_cancel_is_sent_and_its_answer_waited_for() -> None:
    facts = known(None, None, None)
    assert decided(given_up(), facts, 41).act is Act.UNDO
    pending = replace(facts, cancels=(ReservationFrame(4, at(41)),))
    assert decided(given_up(), pending, 42).look_again == at(47)
    failed = replace(facts, cancels=asks(ERROR))
    assert decided(given_up(), failed, 3).act is Act.WAIT


def test_a_caller_does_not_wait_for_a_station_that_cannot_cancel() -> None:
    unable = known(None, cancels=asks(StationAnswer(Verdict.NOT_SUPPORTED)))
    assert said(given_up(), unable, 45) == "ANSWER_TIMEOUT"
    reported = apply(given_up(), decided(given_up(), unable, 45), at(45))
    assert (reported.state, reported.compensation.state) == (State.DONE, CompensationState.PENDING)
    assert decided(reported, unable, 90).look_again == at(3_600)
    assert decided(reported, unable, 3_600).act is Act.UNDO_FAILED


def test_a_station_that_fails_to_cancel_is_waited_for_until_the_time_to_report() -> None:
    failing = known(None, cancels=asks(*[ERROR] * 5))
    assert decided(given_up(), failing, 45).look_again == at(85)
    assert said(given_up(), failing, 86) == "ANSWER_TIMEOUT"


@pytest.mark.parametrize(
    ("cancels", "now_s", "expected"),
    [((), 55, "UNDO"), ((), 56, "ANSWER_TIMEOUT"), (asks(ERROR), 56, "UNDO")],
    ids=["its answer comes in time", "its answer may be late", "a station that answers is asked"],
)
def test_a_caller_does_not_wait_for_a_cancel_that_leaves_late(
    cancels: tuple[ReservationFrame, ...], now_s: float, expected: str
) -> None:
    facts = known(None, None, None, cancels=cancels)
    assert said(given_up(), facts, now_s) == expected
    reported = apply(given_up(), decided(given_up(), facts, now_s), at(now_s))
    assert decided(reported, facts, now_s).act is Act.UNDO


def test_a_cancel_waits_in_the_queue_no_longer_than_its_caller_for_its_answer() -> None:
    """It leaves so soon that the answer can come in time; nobody waits for the outcome later."""
    facts = known(None, None, None)
    begun = decided(reserve(), facts, 40)
    assert (begun.act, begun.look_again) == (Act.UNDO, at(55))
    again = replace(facts, cancels=asks(ERROR))
    assert [
        decided(given_up(), facts, 41).look_again,
        decided(given_up(), again, 56).look_again,
    ] == [
        at(55),
        at(85),
    ]
    reported = apply(given_up(), decided(given_up(), facts, 56), at(56))
    assert decided(reported, facts, 56).look_again is None


def test_without_a_time_to_report_the_next_cancel_is_waited_for() -> None:
    late = replace(given_up(), compensation=replace(given_up().compensation, update_time=None))
    failing = known(None, cancels=asks(*[ERROR] * 5))
    assert decided(late, failing, 60).look_again == at(121)


def test_a_station_that_goes_away_is_reported_and_then_waited_for() -> None:
    away = known(None, None, None, connected_since=None)
    reported = apply(given_up(), decided(given_up(), away, 50), at(50))
    assert reported.state is State.DONE
    assert decided(reported, away, 60).look_again == at(3_600)


def settled(answer: StationAnswer) -> Facts:
    """The station answered a cancel that left after all the other frames."""
    cancel = ReservationFrame(4, at(50), over=True, answer=answer, answer_time=at(51))
    return known(None, None, None, cancels=(cancel,))


@pytest.mark.parametrize("answer", [ACCEPTED, StationAnswer(Verdict.REJECTED, "Rejected")])
def test_nothing_is_reserved_once_the_station_has_answered_a_cancel(
    answer: StationAnswer,
) -> None:
    after = apply(given_up(), decided(given_up(), settled(answer), 52), at(52))
    assert after.compensation.state is CompensationState.DONE
    assert after.outcome is not None
    assert after.outcome.cause == Cause.HOLD_UNDONE


def test_a_refusal_that_turns_out_to_be_the_truth_is_the_outcome() -> None:
    cancel = ReservationFrame(3, at(50), over=True, answer=REJECTED, answer_time=at(51))
    facts = known(None, StationAnswer(Verdict.REJECTED, "Occupied"), cancels=(cancel,))
    assert said(given_up(), facts, 52) == "EVSE_OCCUPIED"


def test_a_yes_that_comes_after_the_cancel_is_undone_again() -> None:
    late = ReservationFrame(1, at(0), over=True, answer=ACCEPTED, answer_time=at(60))
    facts = replace(settled(ACCEPTED), asks=(late,))
    assert decided(given_up(), facts, 61).act is Act.UNDO


def test_a_frame_that_left_after_the_cancel_may_reserve_again() -> None:
    facts = replace(settled(ACCEPTED), asks=(ReservationFrame(5, at(55), over=True),))
    assert decided(given_up(), facts, 61).act is Act.UNDO


def test_a_cancelled_command_says_why_it_is_undone() -> None:
    decision = decided(taken_back(), known(None), 21)
    assert (decision.act, decision.reason) == (Act.UNDO, "The command was cancelled.")


def test_a_cancelled_command_of_which_nothing_came_is_settled() -> None:
    assert decided(taken_back(), known(REJECTED), 21).act is Act.SETTLE


def run_out() -> Command:
    """It was given up, and its time was over before the station said that it holds nothing."""
    return apply(given_up(), decided(given_up(), known(None), 3_601), at(3_601))


def test_a_reservation_that_ran_out_while_it_was_undone_is_not_told_as_undone() -> None:
    assert run_out().state is State.DONE
    assert run_out().compensation.state is CompensationState.FAILED
    assert run_out().outcome == ending(Cause.ANSWER_TIMEOUT)
    again = replace(run_out(), outcome=ending(Cause.CANCELLED_BY_CALLER))
    assert decided(again, known(None), 3_602).act is Act.WAIT


def test_a_cancel_that_is_out_at_the_end_has_its_answer_waited_for() -> None:
    out = known(None, cancels=(ReservationFrame(4, at(3_599)),))
    decision = decided(given_up(), out, 3_600)
    assert (decision.act, decision.look_again) == (Act.WAIT, at(3_605))
    assert apply(given_up(), decision, at(3_600)).compensation.state is CompensationState.PENDING


def test_a_station_that_lets_go_after_the_end_makes_it_undone_after_all() -> None:
    cancel = ReservationFrame(4, at(3_599), over=True, answer=ACCEPTED, answer_time=at(3_610))
    facts = known(None, cancels=(cancel,))
    after = apply(run_out(), decided(run_out(), facts, 3_611), at(3_611))
    assert after.compensation.state is CompensationState.DONE


def test_a_yes_that_comes_after_the_end_is_undone_once() -> None:
    unknown = changes.concluded(lost(reserve()), ending(Cause.ANSWER_TIMEOUT), at(60))
    assert decided(unknown, known(None), 3_602).act is Act.UNDO
    undoing = apply(unknown, decided(unknown, known(None), 3_602), at(3_602))
    failed = apply(undoing, decided(undoing, known(None), 3_603), at(3_603))
    assert failed.compensation.state is CompensationState.FAILED
    assert decided(failed, known(None), 3_604).act is Act.WAIT


# --- on guard


def test_who_stays_on_guard_and_until_when() -> None:
    assert not is_guarded(answered(reserve()))
    unknown = changes.concluded(lost(reserve()), ending(Cause.ANSWER_TIMEOUT), at(60))
    assert is_guarded(unknown)
    assert is_guarded(replace(given_up(), state=State.DONE, outcome=ending(Cause.RESERVED)))
    assert guard_end(unknown, TIMING, at(60)) == at(3_615)
    assert guard_end(unknown, TIMING, at(4_000)) == at(4_015)


def test_a_yes_that_comes_after_giving_up_is_undone() -> None:
    unknown = changes.concluded(lost(reserve()), ending(Cause.ANSWER_TIMEOUT), at(60))
    late = ReservationFrame(1, at(0), over=True, answer=ACCEPTED, answer_time=at(90))
    decision = decided(unknown, known(asks=(late,)), 91)
    assert decision.act is Act.UNDO
    assert "said yes" in decision.reason


def test_an_unknown_reservation_that_was_never_made_is_raised() -> None:
    unknown = changes.concluded(lost(reserve()), ending(Cause.ANSWER_TIMEOUT), at(60))
    assert said(unknown, settled(ACCEPTED), 91) == "HOLD_UNDONE"
    known_end = replace(unknown, outcome=ending(Cause.CANCELLED_BY_CALLER))
    assert decided(known_end, settled(ACCEPTED), 92).act is Act.WAIT


# --- the other rules


def test_the_title_names_evse_token_end_and_number() -> None:
    assert title(reserve()) == (
        "Reserve at CP1, EVSE 1, token ****1234, until 2026-05-01 13:00 UTC, number 42"
    )
    spec = reserve().reserve
    assert spec is not None
    assert "any EVSE" in title(replace(reserve(), reserve=replace(spec, evse_id=None)))
    assert frame_title(reserve(), 2, "g1", True).startswith("Cancel the hold of: ")


def test_the_reservation_follows_its_command_and_wakes_its_workflow_when_held() -> None:
    update = RULES.reservation_update(answered(reserve()), at(1))
    assert update is not None
    assert update.initial is not None
    assert update.change(update.initial).state is ReservationState.HELD
    assert ReservationState.HELD in update.wake_states
    early = RULES.reservation_update(reserve(), at(0))
    assert early is not None
    assert early.wake_states == frozenset()


def test_a_reservation_that_ran_out_wakes_its_workflow_which_cancels_it_on() -> None:
    update = RULES.reservation_update(run_out(), at(3_601))
    assert update is not None
    assert update.initial is not None
    after = update.change(update.initial)
    assert (after.state, after.cause) == (ReservationState.EXPIRED, EndCause.USE_NOT_KNOWN)
    assert after.state in update.wake_states


def test_a_reservation_without_a_name_is_not_followed() -> None:
    spec = reserve().reserve
    assert spec is not None
    nameless = replace(reserve(), reserve=replace(spec, reservation=""))
    assert RULES.reservation_update(nameless, at(0)) is None


def test_a_definite_outcome_stands_while_the_reservation_is_undone() -> None:
    away = known(None, connected_since=None)
    decision = decided(taken_back(), away, 25)
    assert decision.outcome == taken_back().outcome
