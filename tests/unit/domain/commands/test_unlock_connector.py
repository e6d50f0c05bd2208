"""What became of an unlock, and what it stops first: a row per situation."""

from dataclasses import replace
from typing import Any

import pytest

from domain.commands import transitions as changes
from domain.commands.judging import apply, judge
from domain.commands.sending import SendAct, SendDecision, Whereabouts
from domain.commands.unlock_connector import before_unlock
from domain.evidence.facts import Act, Facts
from domain.evidence.frames import FirstStop
from domain.evidence.sessions import ConnectorState, SentFrame, Session
from domain.model.answers import CallError, StationAnswer, Verdict
from domain.model.command import Code, Command, Outcome, State
from domain.model.outcomes import Cause, ending
from domain.model.specs import OfflinePolicy
from tests.unit.domain import situations
from tests.unit.domain.situations import (
    ACCEPTED,
    REJECTED,
    T0,
    TIMING,
    answered,
    asked,
    at,
    ended,
    facts,
    frame,
    lost,
    session,
    unlock,
)

UNANSWERED = frame(answer_time=None)
HERE = Whereabouts(registered=True, gateway="g1", boot_state="ACCEPTED")
AWAY = replace(HERE, gateway=None)
RUNNING = session(start_time=at(-60), received_time=at(-60))
ALIVE = replace(RUNNING, alive_time=at(50))
OVER = ended(start_time=at(-60), received_time=at(-60))
FIRST = unlock(stop_first=True)


def ends_as(outcome: Outcome | None, code: Code, cause: Cause) -> bool:
    return outcome is not None and (outcome.code, outcome.cause) == (code, cause.value)


@pytest.mark.parametrize(
    ("verdict", "word", "code", "cause"),
    [
        (Verdict.ACCEPTED, "Unlocked", Code.SUCCEEDED, Cause.CONNECTOR_UNLOCKED),
        (Verdict.FAILED, "UnlockFailed", Code.NO_EFFECT, Cause.UNLOCK_FAILED),
        (
            Verdict.REJECTED,
            "OngoingAuthorizedTransaction",
            Code.REJECTED,
            Cause.SESSION_RUNNING,
        ),
        (Verdict.REJECTED, "UnknownConnector", Code.REJECTED, Cause.UNKNOWN_CONNECTOR),
        (Verdict.NOT_SUPPORTED, "NotSupported", Code.NOT_SUPPORTED, Cause.COMMAND_NOT_SUPPORTED),
    ],
)
def test_the_answer_to_an_unlock_is_its_outcome(
    verdict: Verdict, word: str, code: Code, cause: Cause
) -> None:
    done = answered(unlock(), StationAnswer(verdict, word))
    assert done.state is State.DONE
    assert ends_as(done.outcome, code, cause)


@pytest.mark.parametrize(
    ("verdict", "error", "code", "cause"),
    [
        (Verdict.NOT_SUPPORTED, "NotImplemented", Code.NOT_SUPPORTED, Cause.COMMAND_NOT_SUPPORTED),
        (Verdict.FAILED, "InternalError", Code.UNKNOWN, Cause.STATION_ERROR),
        (Verdict.REJECTED, "SecurityError", Code.REJECTED, Cause.CALL_ERROR),
    ],
)
def test_a_call_error_to_an_unlock_is_its_outcome(
    verdict: Verdict, error: str, code: Code, cause: Cause
) -> None:
    done = answered(unlock(), StationAnswer(verdict, call_error=CallError(error)))
    assert ends_as(done.outcome, code, cause)


def test_a_running_session_is_told_with_what_to_do_about_it() -> None:
    sentence = ending(Cause.SESSION_RUNNING).message
    assert "Stop the session first" in sentence
    assert "stop_first" in sentence


def judged(command: Command, now_s: float, known: Facts | None = None) -> Command:
    known = facts(frame=UNANSWERED) if known is None else known
    return apply(command, judge(command, known, TIMING, at(now_s)), at(now_s))


@pytest.mark.parametrize(
    "cause", [Cause.CONNECTION_LOST_AFTER_SEND, Cause.ANSWER_TIMEOUT, Cause.ANSWER_UNREADABLE]
)
def test_a_lost_answer_is_told_at_once(cause: Cause) -> None:
    done = judged(lost(unlock(), cause.value), 2)
    assert done.state is State.DONE
    assert ends_as(done.outcome, Code.UNKNOWN, cause)


def test_an_answer_is_waited_for_until_its_time_is_over() -> None:
    sent = changes.sent(unlock(), T0)
    waiting = judge(sent, facts(frame=UNANSWERED), TIMING, at(10))
    assert (waiting.act, waiting.look_again) == (Act.WAIT, at(30))
    assert ends_as(judged(sent, 30).outcome, Code.UNKNOWN, Cause.ANSWER_TIMEOUT)
    assert judge(sent, facts(frame=None), TIMING, at(30)).act is Act.WAIT


@pytest.mark.parametrize("word", ["Unlocked", "UnlockFailed"])
def test_a_late_answer_raises_an_unknown_unlock(word: str) -> None:
    unknown = judged(lost(unlock()), 30)
    assert judge(unknown, facts(frame=UNANSWERED), TIMING, at(40)).act is Act.WAIT
    verdict = Verdict.ACCEPTED if word == "Unlocked" else Verdict.FAILED
    raised = changes.answered(unknown, StationAnswer(verdict, word), at(40))
    assert raised.outcome is not None
    assert raised.outcome.code is not Code.UNKNOWN
    assert changes.answered(raised, REJECTED, at(50)).outcome == raised.outcome


# --- the session that is stopped first


def headed(
    known: Facts, now_s: float = 0, where: Whereabouts = HERE, **changed: Any
) -> SendDecision:
    return before_unlock(replace(FIRST, **changed), known, where, TIMING, at(now_s))


def stopping(
    *sessions: Session, answer: StationAnswer | None = None, over: bool = True, **known: Any
) -> Facts:
    """The session was told to stop at T0; an answer came a second later, or is lost."""
    told = frame(answer_time=at(1) if answer else None)
    stop = FirstStop(frames=(told,), answer=answer, over=over)
    return replace(facts(*sessions), frame=None, first_stop=stop, **known)


def test_without_stop_first_nothing_is_stopped() -> None:
    way = before_unlock(unlock(), facts(RUNNING, frame=None), HERE, TIMING, T0)
    assert way.act is SendAct.SEND


def test_without_a_running_session_the_unlock_is_sent_straight_away() -> None:
    assert headed(facts(frame=None)).act is SendAct.SEND
    assert headed(facts(OVER, frame=None)).act is SendAct.SEND


def test_a_running_session_without_an_id_is_waited_for() -> None:
    known = facts(replace(RUNNING, ocpp_transaction_id="-1"), frame=None)
    assert headed(known).act is SendAct.WAIT
    late = headed(known, 300)
    assert late.outcome is not None
    assert late.outcome.cause == Cause.SESSION_WITHOUT_ID


def test_a_running_session_is_stopped_first_by_its_own_id() -> None:
    way = headed(facts(RUNNING, frame=None))
    assert (way.act, way.ocpp_transaction_id, way.session) == (SendAct.STOP_FIRST, "7", RUNNING)


@pytest.mark.parametrize(
    ("where", "now_s", "course", "cause"),
    [
        (AWAY, 0, SendAct.CONCLUDE, Cause.STATION_OFFLINE),
        (HERE, 300, SendAct.CONCLUDE, Cause.NOT_AFTER_PASSED),
        (replace(HERE, boot_state="PENDING"), 0, SendAct.WAIT, None),
    ],
)
def test_the_stop_waits_for_the_station_as_any_frame(
    where: Whereabouts, now_s: float, course: SendAct, cause: Cause | None
) -> None:
    way = headed(facts(RUNNING, frame=None), now_s, where)
    assert way.act is course
    assert (way.outcome.cause if way.outcome else None) == cause


def test_the_end_is_waited_for_and_then_the_unlock_is_sent() -> None:
    waiting = headed(stopping(RUNNING, answer=ACCEPTED), 2)
    assert (waiting.act, waiting.progress != "") == (SendAct.WAIT, True)
    way = headed(stopping(OVER, answer=ACCEPTED), 21)
    assert way.act is SendAct.SEND
    assert way.stopped_first is not None
    assert way.stopped_first.transaction == "tx"


def test_an_end_that_came_by_itself_is_as_good() -> None:
    assert headed(stopping(OVER, answer=REJECTED), 21).act is SendAct.SEND
    assert headed(stopping(OVER), 21).act is SendAct.SEND


def test_a_lost_answer_is_repeated_only_while_the_session_is_known_to_run() -> None:
    assert headed(stopping(RUNNING), 2).act is SendAct.STOP_FIRST
    assert headed(stopping(RUNNING, over=False), 2).act is SendAct.WAIT
    assert headed(stopping(), 2).act is SendAct.WAIT
    assert headed(stopping(RUNNING, connected_since=None), 2, AWAY).act is SendAct.WAIT


def test_a_refused_stop_asks_before_the_refusal_is_believed() -> None:
    assert headed(stopping(RUNNING, answer=REJECTED), 2).act is SendAct.ASK
    refused = stopping(ALIVE, answer=REJECTED, asked=asked(3))
    assert headed(refused, 4).act is SendAct.WAIT
    way = headed(refused, 60)
    assert ends_as(way.outcome, Code.NO_EFFECT, Cause.SESSION_KEEPS_RUNNING)
    assert way.outcome is not None
    assert "not unlocked" in way.outcome.message
    assert "Busy" in way.outcome.message
    assert way.outcome.session is not None


def test_a_station_that_cannot_stop_sessions_has_refused() -> None:
    cannot = StationAnswer(Verdict.NOT_SUPPORTED, call_error=CallError("NotImplemented"))
    way = headed(stopping(ALIVE, answer=cannot, asked=asked(3)), 60)
    assert ends_as(way.outcome, Code.NO_EFFECT, Cause.SESSION_KEEPS_RUNNING)


def test_a_session_that_runs_on_keeps_the_connector_locked() -> None:
    assert headed(stopping(RUNNING, answer=ACCEPTED), 61).act is SendAct.ASK
    assert headed(stopping(RUNNING, answer=ACCEPTED), 300).act is SendAct.ASK, (
        "a question is no send"
    )
    way = headed(stopping(ALIVE, answer=ACCEPTED, asked=asked(61)), 66)
    assert ends_as(way.outcome, Code.NO_EFFECT, Cause.SESSION_KEEPS_RUNNING)


@pytest.mark.parametrize(("answer", "now_s"), [(ACCEPTED, 66), (REJECTED, 66)])
def test_a_session_that_shows_no_life_after_its_stop_is_not_said_to_run_on(
    answer: StationAnswer, now_s: float
) -> None:
    way = headed(stopping(RUNNING, answer=answer, asked=asked(61)), now_s)
    assert ends_as(way.outcome, Code.NO_EFFECT, Cause.STOP_FIRST_NOT_CONFIRMED)


@pytest.mark.parametrize("answer", [None, ACCEPTED])
def test_an_end_that_nobody_confirmed_is_no_reason_to_unlock(
    answer: StationAnswer | None,
) -> None:
    way = headed(stopping(RUNNING, answer=answer, connected_since=None), 90, AWAY)
    assert ends_as(way.outcome, Code.NO_EFFECT, Cause.STOP_FIRST_NOT_CONFIRMED)


@pytest.mark.parametrize(
    ("where", "now_s"), [(HERE, 300), (AWAY, 30), (replace(HERE, registered=False), 30)]
)
def test_an_unlock_that_cannot_be_sent_after_the_stop_says_so(
    where: Whereabouts, now_s: float
) -> None:
    way = headed(stopping(OVER, answer=ACCEPTED), now_s, where)
    assert ends_as(way.outcome, Code.NO_EFFECT, Cause.STOPPED_NOT_UNLOCKED)
    assert way.outcome is not None
    assert way.outcome.session is not None


def test_an_unlock_may_wait_for_the_station_after_the_stop() -> None:
    way = headed(stopping(OVER, answer=ACCEPTED), 30, AWAY, offline_policy=OfflinePolicy.WAIT)
    assert way.act is SendAct.WAIT


def test_a_station_that_is_no_longer_registered_is_told_to_stop_nothing_more() -> None:
    gone = replace(HERE, registered=False)
    way = headed(stopping(RUNNING), 2, gone)
    assert ends_as(way.outcome, Code.NO_EFFECT, Cause.STOP_FIRST_NOT_CONFIRMED)


def test_a_station_that_says_that_nothing_runs_is_believed() -> None:
    nothing = asked(3, ongoing=False, messages_in_queue=False)
    known = stopping(RUNNING, answer=REJECTED, asked=nothing, ocpp_version="2.0.1")
    way = headed(known, 4)
    assert way.act is SendAct.SEND
    assert way.stopped_first is not None


def test_a_session_that_began_after_the_stop_is_left_alone() -> None:
    newcomer = session(name="new", ocpp_transaction_id="8", received_time=at(22))
    assert headed(stopping(OVER, newcomer, answer=ACCEPTED), 23).act is SendAct.SEND


def test_what_was_stopped_is_remembered_and_nothing_more_is_stopped() -> None:
    known = stopped().stopped_first
    way = headed(facts(session(ocpp_transaction_id="8"), frame=None), 23, stopped_first=known)
    assert (way.act, way.stopped_first) == (SendAct.SEND, known)


# --- what is written down


def stopped() -> Command:
    """The session was stopped, the unlock comes next."""
    way = headed(stopping(OVER, answer=ACCEPTED), 21)
    assert way.stopped_first is not None
    return changes.stopped_first(changes.sent(FIRST, T0), way.stopped_first)


def test_the_outcome_carries_the_session_that_was_stopped_first() -> None:
    done = changes.answered(stopped(), StationAnswer(Verdict.ACCEPTED, "Unlocked"), at(25))
    assert done.outcome is not None
    assert done.outcome.session == stopped().stopped_first
    unknown = judged(changes.lost(stopped(), "ANSWER_TIMEOUT", at(50)), 55)
    assert unknown.outcome is not None
    assert unknown.outcome.session == stopped().stopped_first


def test_the_stopped_session_is_written_once() -> None:
    once = stopped()
    assert once.stopped_first is not None
    assert changes.stopped_first(once, once.stopped_first) is once


def test_a_cancel_before_the_unlock_is_sent_ends_it() -> None:
    taken_back = changes.cancelled(stopped(), at(22))
    assert taken_back.state is State.DONE
    assert ends_as(taken_back.outcome, Code.CANCELLED, Cause.CANCELLED_BY_CALLER)
    assert taken_back.outcome is not None
    assert "was stopped" in taken_back.outcome.message
    early = changes.cancelled(changes.sent(FIRST, T0), at(1))
    assert early.outcome is not None
    assert "told to stop" in early.outcome.message


def test_a_frame_that_is_not_sent_after_the_first_step_is_no_half_truth() -> None:
    after = changes.not_sent(stopped(), "STATION_QUEUE_FULL", at(22))
    assert ends_as(after.outcome, Code.NO_EFFECT, Cause.STOPPED_NOT_UNLOCKED)
    during = changes.not_sent(changes.sent(FIRST, T0), "STATION_QUEUE_FULL", at(2))
    assert ends_as(during.outcome, Code.NO_EFFECT, Cause.STOP_FIRST_NOT_CONFIRMED)
    before = changes.not_sent(FIRST, "STATION_QUEUE_FULL", T0)
    assert ends_as(before.outcome, Code.NOT_SENT, Cause.STATION_QUEUE_FULL)


@pytest.mark.parametrize(
    ("stops", "cause"),
    [
        pytest.param((), "EFFECT_NOT_EXCLUDED", id="no stop"),
        pytest.param((frame(send_time=at(-1)),), "STATION_REJECTED", id="before the unlock"),
        pytest.param((frame(send_time=at(1)),), "STATION_REJECTED", id="after the unlock"),
        pytest.param((frame(send_time=at(2)),), "EFFECT_NOT_EXCLUDED", id="it was left before"),
        pytest.param((frame(send_time=at(2)), frame()), "STATION_REJECTED", id="the first counts"),
    ],
)
@pytest.mark.parametrize(
    ("before", "after"), [("Occupied", "Available"), ("Charging", "Finishing")]
)
def test_a_stop_that_ended_the_session_explains_that_its_place_is_left(
    before: str, after: str, stops: tuple[SentFrame, ...], cause: str
) -> None:
    refused = changes.answered(changes.sent(unlock(), T0), REJECTED, at(1), decides=False)
    place = ConnectorState(1, after, before, at(2))
    assert situations.judged(refused, facts(connectors=(place,), stops=stops), 6) == cause
