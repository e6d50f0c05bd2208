"""Snapshot to snapshot: the state table holds in every function, whatever comes in what order."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.commands import transitions as changes
from domain.model.answers import CallError, StationAnswer, Verdict
from domain.model.command import Code, Command, CompensationState, Outcome, ReservationFacts, State
from domain.model.outcomes import Cause, ending, in_its_words
from domain.model.specs import Kind
from domain.model.states import STATES, is_definite
from tests.unit.domain.situations import (
    ACCEPTED,
    REJECTED,
    T0,
    answered,
    at,
    cancel,
    lost,
    reserve,
    reset,
    start,
    stop,
    unlock,
)

UNREADABLE = StationAnswer(Verdict.UNREADABLE)
Change = Callable[[Command], Command]


def code_of(command: Command) -> Code | None:
    return command.outcome.code if command.outcome else None


def compensating() -> Command:
    return changes.cancelled(answered(start()), at(2))


def test_a_start_goes_from_queued_to_sent_to_awaiting_effect_to_done() -> None:
    sent = changes.sent(start(), T0)
    waiting = changes.answered(sent, ACCEPTED, at(1))
    done = changes.concluded(waiting, ending(Cause.SESSION_STARTED), at(9))
    assert [c.state for c in (sent, waiting, done)] == [
        State.SENT,
        State.AWAITING_EFFECT,
        State.DONE,
    ]
    assert (done.send_time, done.answer_time, done.outcome_time) == (T0, at(1), at(9))


def test_progress_is_written_once_and_never_after_the_end() -> None:
    waiting = changes.waiting(start(), "in line")
    assert waiting.progress == "in line"
    assert changes.waiting(waiting, "in line") is waiting
    done = changes.not_sent(waiting, "STATION_OFFLINE", T0)
    assert done.progress == ""
    assert changes.waiting(done, "in line") is done


@pytest.mark.parametrize(
    ("answer", "code", "cause"),
    [
        (REJECTED, Code.REJECTED, Cause.STATION_REJECTED),
        (StationAnswer(Verdict.FAILED, "Failed"), Code.REJECTED, Cause.STATION_REJECTED),
        (
            StationAnswer(Verdict.REJECTED, call_error=CallError("SecurityError")),
            Code.REJECTED,
            Cause.CALL_ERROR,
        ),
        (StationAnswer(Verdict.NOT_SUPPORTED), Code.NOT_SUPPORTED, Cause.COMMAND_NOT_SUPPORTED),
    ],
)
def test_a_refusal_of_a_start_is_its_outcome(
    answer: StationAnswer, code: Code, cause: Cause
) -> None:
    done = answered(start(), answer)
    assert done.state is State.DONE
    assert done.outcome is not None
    assert (done.outcome.code, done.outcome.cause) == (code, cause.value)


ERROR = StationAnswer(Verdict.FAILED, call_error=CallError("InternalError"))


@pytest.mark.parametrize("command", [start(), unlock(), reset(), reserve(), cancel()])
def test_an_error_of_the_stations_own_proves_nothing(command: Command) -> None:
    waiting = answered(command, ERROR)
    assert waiting.state is State.AWAITING_EFFECT
    assert waiting.outcome is not None
    assert (waiting.outcome.code, waiting.outcome.cause) == (Code.UNKNOWN, Cause.STATION_ERROR)


def test_who_knows_better_says_whether_an_answer_decides() -> None:
    sent = changes.sent(start(), T0)
    believed = changes.answered(sent, ERROR, at(1), decides=True)
    assert believed.outcome is not None
    assert (believed.outcome.code, believed.outcome.cause) == (Code.REJECTED, Cause.CALL_ERROR)
    weighed = changes.answered(sent, REJECTED, at(1), decides=False)
    assert weighed.state is State.AWAITING_EFFECT
    assert weighed.outcome is None
    assert weighed.progress == changes.WEIGHING_A_NO


def test_the_stations_words_are_in_the_message() -> None:
    assert in_its_words(REJECTED) == "The station said: Busy: EVSE."
    assert in_its_words(ACCEPTED) == ""


def test_a_refused_stop_is_not_decided_by_its_answer() -> None:
    assert answered(stop(), REJECTED).state is State.AWAITING_EFFECT


def test_an_unlock_is_final_with_its_answer() -> None:
    unlock = replace(start(), kind=Kind.UNLOCK_CONNECTOR, start=None)
    assert code_of(answered(unlock)) is Code.SUCCEEDED


def test_an_unreadable_answer_is_unknown_for_now() -> None:
    heard = answered(start(), UNREADABLE)
    assert (heard.state, code_of(heard)) == (State.AWAITING_EFFECT, Code.UNKNOWN)
    assert heard.station_answer is UNREADABLE


def test_a_late_refusal_raises_unknown_to_rejected() -> None:
    given_up = changes.concluded(lost(start()), ending(Cause.ANSWER_TIMEOUT), at(90))
    raised = changes.answered(given_up, REJECTED, at(95))
    assert (code_of(raised), raised.outcome_time) == (Code.REJECTED, at(95))


def test_an_answer_after_the_effect_is_kept_and_changes_nothing_else() -> None:
    done = changes.concluded(changes.sent(start(), T0), ending(Cause.SESSION_STARTED), at(1))
    heard = changes.answered(done, ACCEPTED, at(2))
    assert (heard.station_answer, heard.outcome) == (ACCEPTED, done.outcome)
    assert changes.answered(heard, REJECTED, at(3)) is heard


def test_a_lost_answer_is_unknown_at_once_and_only_once() -> None:
    unknown = lost(start(), "CONNECTION_LOST_AFTER_SEND")
    assert (unknown.state, code_of(unknown)) == (State.AWAITING_EFFECT, Code.UNKNOWN)
    assert unknown.outcome_time is None
    assert changes.lost(unknown, "ANSWER_TIMEOUT", at(40)) is unknown


def test_a_command_that_ended_before_its_first_frame_gets_none() -> None:
    queued = start()
    ended = changes.not_sent(queued, Cause.STATION_OFFLINE.value, at(1))
    assert changes.ended_unsent(ended)
    sent = changes.sent(queued, at(1))
    assert not any(map(changes.ended_unsent, (queued, sent)))
    assert not changes.ended_unsent(changes.concluded(sent, ending(Cause.ANSWER_TIMEOUT), at(2)))


def test_what_was_sent_is_never_not_sent() -> None:
    sent = changes.sent(start(), T0)
    assert changes.not_sent(sent, "STATION_OFFLINE", at(1)) is sent
    assert changes.sent(sent, at(1)) is sent


def test_a_cause_of_another_version_is_still_not_sent() -> None:
    done = changes.not_sent(start(), "SOMETHING_NEW", T0)
    assert done.outcome is not None
    assert done.outcome.cause == Cause.GATEWAY_UNREACHABLE


def test_unknown_stays_unless_it_is_raised() -> None:
    unknown = changes.concluded(lost(start()), ending(Cause.ANSWER_TIMEOUT), at(90))
    assert changes.concluded(unknown, ending(Cause.SESSION_DOUBTFUL), at(95)) is unknown
    raised = changes.concluded(unknown, ending(Cause.SESSION_STARTED), at(95))
    assert (code_of(raised), raised.outcome_time) == (Code.SUCCEEDED, at(95))
    assert changes.concluded(raised, ending(Cause.STATION_REJECTED), at(99)) is raised


def test_cancel_before_sending_ends_the_command() -> None:
    done = changes.cancelled(start(), T0)
    assert (done.state, code_of(done)) == (State.DONE, Code.CANCELLED)
    assert changes.cancelled(done, at(1)) is done


def test_cancel_after_sending_waits_for_what_may_happen() -> None:
    waiting = compensating()
    assert (waiting.state, code_of(waiting)) == (State.COMPENSATING, Code.CANCELLED)
    done = changes.settled(waiting, at(90))
    assert (done.state, done.outcome_time) == (State.DONE, at(2))
    assert changes.settled(done, at(91)) is done


def test_the_wish_to_cancel_is_noted_once() -> None:
    asked = changes.cancel_asked(start(), "driver left")
    assert asked.cancel_reason == "driver left"
    assert changes.cancel_asked(asked, "again") is asked


def test_compensation_is_pending_then_done_or_failed() -> None:
    pending = changes.undoing(compensating(), "late", "tx", "7", at(5))
    assert pending.compensation.state is CompensationState.PENDING
    assert changes.undoing(pending, "late", "tx", "7", at(6)) is pending
    assert changes.undone(pending, at(7)).compensation.state is CompensationState.DONE
    failed = changes.undo_failed(pending, "It goes on.", at(8))
    assert failed.compensation.reason == "late It goes on."
    assert changes.undone(failed, at(9)).compensation.state is CompensationState.DONE
    assert changes.undo_failed(failed, "again", at(9)) is failed
    assert changes.undoing(pending, "late", "other", "8", at(9)) is pending


def test_what_was_never_undone_cannot_fail_to_be() -> None:
    quiet = changes.settled(compensating(), at(5))
    assert changes.undo_failed(quiet, "The time to act on it is over.", at(9)) is quiet


def test_a_session_left_running_is_a_failed_compensation_that_names_it() -> None:
    left = changes.left_running(compensating(), "Whose is it?", "tx", "7", at(5))
    assert left.compensation.state is CompensationState.FAILED
    assert (left.compensation.transaction, left.compensation.ocpp_transaction_id) == ("tx", "7")
    assert changes.left_running(left, "Whose?", "other", "8", at(6)) is left


_OUTCOMES = [ending(cause) for cause in Cause]
_ANSWERS = [ACCEPTED, REJECTED, UNREADABLE, StationAnswer(Verdict.NOT_SUPPORTED)]
_CHANGES: list[tuple[str, Change]] = [
    ("waiting", lambda c: changes.waiting(c, "waiting")),
    ("sent", lambda c: changes.sent(c, T0)),
    ("lost", lambda c: changes.lost(c, "ANSWER_TIMEOUT", at(30))),
    ("not_sent", lambda c: changes.not_sent(c, "STATION_OFFLINE", at(2))),
    ("cancel_asked", lambda c: changes.cancel_asked(c, "")),
    ("cancelled", lambda c: changes.cancelled(c, at(3))),
    ("settled", lambda c: changes.settled(c, at(4))),
    ("undoing", lambda c: changes.undoing(c, "late", "tx", "7", at(5))),
    ("undone", lambda c: changes.undone(c, at(6))),
    ("undo_failed", lambda c: changes.undo_failed(c, "why", at(7))),
    ("left_running", lambda c: changes.left_running(c, "why", "tx", "7", at(7))),
]


def _answering(answer: StationAnswer) -> tuple[str, Change]:
    return answer.verdict.value, lambda c: changes.answered(c, answer, at(8))


def _concluding(outcome: Outcome) -> tuple[str, Change]:
    return outcome.cause, lambda c: changes.concluded(c, outcome, at(9))


_ALL = [*_CHANGES, *map(_answering, _ANSWERS), *map(_concluding, _OUTCOMES)]


def reachable(before: State, after: State) -> bool:
    """In at most two steps of the table: an answer may come and conclude in one change."""
    ones = set(STATES[before].values())
    twos = {state for one in ones for state in STATES[one].values()}
    return after in {before, *ones, *twos}


@given(st.sampled_from([start(), stop()]), st.lists(st.sampled_from(_ALL), max_size=12))
def test_no_order_of_changes_leaves_the_tables_or_takes_back_a_definite_outcome(
    command: Command, steps: list[tuple[str, Change]]
) -> None:
    for _, change in steps:
        after = change(command)
        assert reachable(command.state, after.state)
        if is_definite(command.outcome):
            assert after.outcome == command.outcome
        if after.state is State.DONE:
            assert after.outcome is not None
            assert after.outcome_time is not None
            assert after.progress == ""
        assert change(after) == change(change(after))
        command = after


UNWANTED = ReservationFacts("a" * 24, 42)


def test_a_reservation_is_undone_once_and_used_only_while_it_is_undone() -> None:
    undoing = changes.undoing_reservation(lost(reserve()), "no answer", UNWANTED, at(40))
    assert undoing.compensation.wire_id == 42
    assert changes.undoing_reservation(undoing, "again", UNWANTED, at(41)) is undoing
    wanted = lost(reserve())
    assert changes.reservation_was_used(wanted, "used", "tx", "7", at(42)) is wanted
