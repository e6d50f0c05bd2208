"""The one door of the rules: what a decision writes into a command."""

import pytest

from domain.commands import transitions as changes
from domain.commands.judging import apply, is_guarded, is_watched, judge, watch_end
from domain.evidence.facts import Act, Decision
from domain.limits import REFUSAL_WATCH
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Command, CompensationState, SessionFacts, State
from domain.model.outcomes import Cause, ending
from tests.unit.domain.situations import (
    REJECTED,
    TIMING,
    answered,
    at,
    cancel,
    facts,
    lost,
    reserve,
    reset,
    session,
    start,
    stop,
    unlock,
)

NOT_SUPPORTED = StationAnswer(Verdict.NOT_SUPPORTED)
CANCELLED = changes.cancelled(answered(start()), at(5))


def test_a_finished_command_stays_as_it_is() -> None:
    done = changes.concluded(answered(start()), ending(Cause.SESSION_STARTED), at(12))
    decision = judge(done, facts(session()), TIMING, at(30))
    assert decision.outcome == done.outcome
    assert apply(done, decision, at(30)) is done
    assert not is_watched(done)


@pytest.mark.parametrize("answer", [REJECTED, NOT_SUPPORTED], ids=["refused", "not supported"])
def test_a_session_that_begins_after_a_refusal_is_stopped_and_the_refusal_stands(
    answer: StationAnswer,
) -> None:
    done = answered(start(), answer)
    assert is_watched(done)
    assert watch_end(done) == at(1) + REFUSAL_WATCH
    at_once = session(start_time=at(4), received_time=at(4))
    decision = judge(done, facts(at_once), TIMING, at(10))
    assert decision.act is Act.UNDO
    undone = apply(done, decision, at(10))
    assert undone.outcome == done.outcome
    assert undone.compensation.state is CompensationState.PENDING
    nothing = judge(done, facts(), TIMING, at(10))
    assert (nothing.act, nothing.look_again) == (Act.WAIT, None)


def test_only_a_refused_start_is_watched() -> None:
    assert not is_watched(start())
    assert not is_watched(answered(start()))
    given_up = ending(Cause.NO_CABLE_OR_NO_TRANSACTION)
    assert not is_watched(changes.concluded(answered(start()), given_up, at(76)))  # on guard
    for command in (unlock(), reset(), reserve(), cancel()):
        assert not is_watched(answered(command, REJECTED))


def test_decisions_are_written_by_the_rules_of_changes() -> None:
    now = at(90)
    late = session()
    undo = Decision(Act.UNDO, session=late, reason="late")
    pending = apply(CANCELLED, undo, now)
    assert pending.compensation.state is CompensationState.PENDING
    undone = apply(pending, Decision(Act.UNDONE), now)
    assert (undone.state, undone.compensation.state) == (State.DONE, CompensationState.DONE)
    failed = apply(pending, Decision(Act.UNDO_FAILED, reason="no"), now)
    assert (failed.state, failed.compensation.state) == (State.DONE, CompensationState.FAILED)
    assert apply(CANCELLED, Decision(Act.SETTLE), now).state is State.DONE
    waiting = apply(answered(start()), Decision(Act.WAIT, progress="for the cable"), now)
    assert waiting.progress == "for the cable"
    assert apply(waiting, Decision(Act.ASK), now) is waiting
    started = Decision(Act.CONCLUDE, outcome=ending(Cause.SESSION_STARTED))
    assert apply(waiting, started, now).state is State.DONE


def test_a_decision_to_undo_nothing_writes_nothing() -> None:
    assert apply(CANCELLED, Decision(Act.UNDO), at(90)) is CANCELLED


def test_a_session_that_is_left_alone_is_a_compensation_that_failed() -> None:
    done = changes.settled(CANCELLED, at(76))
    left = Decision(Act.UNDO_FAILED, session=session(), reason="It may be somebody else's.")
    after = apply(done, left, at(90))
    assert after.compensation.state is CompensationState.FAILED
    assert after.compensation.transaction == "tx"


def test_a_session_that_turns_out_to_be_anothers_ends_its_undoing() -> None:
    pending = apply(CANCELLED, Decision(Act.UNDO, session=session(), reason="late"), at(80))
    after = apply(pending, Decision(Act.UNDO_FAILED, session=session(), reason="no"), at(90))
    assert (after.state, after.compensation.state) == (State.DONE, CompensationState.FAILED)


def concluded(command: Command, cause: Cause, session: SessionFacts | None = None) -> Command:
    return changes.concluded(command, ending(cause, session=session), at(90))


@pytest.mark.parametrize(
    ("command", "guarded"),
    [
        (answered(start()), False),
        (answered(start(), REJECTED), False),
        (concluded(answered(start()), Cause.SESSION_STARTED), False),
        (concluded(answered(start()), Cause.NO_CABLE_OR_NO_TRANSACTION), True),
        (concluded(answered(start()), Cause.AUTHORIZATION_REFUSED), True),
        (concluded(answered(start()), Cause.AUTHORIZATION_REFUSED, SessionFacts("tx", "7")), False),
        (concluded(lost(start()), Cause.ANSWER_TIMEOUT), True),
        (concluded(start(), Cause.CANCELLED_BY_CALLER), False),
        (concluded(answered(stop()), Cause.STOP_NOT_CONFIRMED), True),
        (concluded(answered(stop()), Cause.SESSION_STOPPED), False),
        (concluded(answered(reset()), Cause.OFFLINE_AT_DEADLINE), True),
        (concluded(answered(reset()), Cause.STATION_DID_NOT_RESTART), False),
        (concluded(lost(unlock()), Cause.ANSWER_TIMEOUT), True),
        (answered(unlock()), False),
    ],
)
def test_who_stays_on_guard(command: Command, guarded: bool) -> None:
    assert is_guarded(command) is guarded
