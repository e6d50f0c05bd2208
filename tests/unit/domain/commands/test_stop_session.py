"""What became of a StopSession: one table per moment, a row per situation."""

from dataclasses import replace
from datetime import datetime

import pytest

from domain.commands import transitions as changes
from domain.commands.rules import FoundTarget, NamedTarget
from domain.commands.table import COMMANDS
from domain.evidence.facts import Facts, session_facts
from domain.evidence.proof import Proof
from domain.model.answers import StationAnswer, Verdict
from domain.model.outcomes import Cause, ending
from domain.model.specs import Kind
from tests.unit.domain.situations import (
    ACCEPTED,
    REJECTED,
    TIMING,
    answered,
    asked,
    at,
    ended,
    facts,
    frame,
    judged,
    lost,
    session,
    stop,
)

TOLD_AGAIN = (
    ended(stop_time=None, stop_received_time=at(30), end_reported=False, meter_start_wh=5),
    session(name="again", ocpp_transaction_id="78", meter_start_wh=9, received_time=at(30)),
)
"""The session that is to be stopped, ended by a start on its plug that may be its repeat."""

UNANSWERED = frame(answer_time=None)
ON_2X = {"ocpp_version": "2.0.1"}
NAMED = StationAnswer(Verdict.ACCEPTED, "Accepted", ocpp_transaction_id="9")


RUNS = session(alive_time=at(50))
RAN = session(start_time=at(-60), received_time=at(-60))
OTHER = session(name="other", ocpp_transaction_id="77", observed_only=True, token_digest=None)


@pytest.mark.parametrize(
    ("known", "now_s", "expected"),
    [
        pytest.param(facts(frame=None), 5, "WAIT", id="nothing was sent"),
        pytest.param(facts(ended()), 30, "SESSION_STOPPED", id="it ended"),
        pytest.param(
            facts(ended(stop_received_time=at(-5))), 30, "ALREADY_ENDED", id="it had ended"
        ),
        pytest.param(
            facts(ended(stop_received_time=None)), 30, "SESSION_STOPPED", id="ended, only that"
        ),
        pytest.param(facts(session()), 30, "WAIT", id="still running"),
        pytest.param(facts(session()), 61, "ASK", id="1.6 is made to report"),
        pytest.param(facts(session(), asked=asked(61)), 65, "WAIT", id="its end may follow"),
        pytest.param(facts(RUNS, asked=asked(61)), 66, "SESSION_KEEPS_RUNNING", id="it goes on"),
        pytest.param(facts(RAN, asked=asked(61)), 66, "STOP_NOT_CONFIRMED", id="no sign of life"),
        pytest.param(
            facts(replace(RAN, alive_time=at(1)), asked=asked(61)),
            66,
            "STOP_NOT_CONFIRMED",
            id="alive before the answer",
        ),
        pytest.param(
            facts(replace(RAN, alive_time=at(1.9)), asked=asked(61)),
            66,
            "STOP_NOT_CONFIRMED",
            id="a reading that crossed the stop",
        ),
        pytest.param(
            facts(replace(RAN, alive_time=at(44)), asked=asked(61, replied=False)),
            62,
            "STOP_NOT_CONFIRMED",
            id="its last sign of life came long before the deadline",
        ),
        pytest.param(
            facts(replace(RAN, alive_time=at(47)), asked=asked(61, replied=False)),
            62,
            "SESSION_KEEPS_RUNNING",
            id="a sign of life shortly before the deadline",
        ),
        pytest.param(facts(), 61, "STOP_NOT_CONFIRMED", id="never heard of it"),
        pytest.param(facts(session(), connected_since=at(60)), 61, "STOP_NOT_CONFIRMED", id="back"),
        pytest.param(facts(session(), **ON_2X), 50, "ASK", id="2.x is asked"),
        pytest.param(facts(session(), **ON_2X, asked=asked(50)), 55, "WAIT", id="asked"),
        pytest.param(facts(session(), **ON_2X), 61, "ASK", id="2.x is asked at the deadline"),
        pytest.param(
            facts(session(), **ON_2X, connected_since=None),
            61,
            "STOP_NOT_CONFIRMED",
            id="nobody is there to be asked",
        ),
        pytest.param(
            facts(session(), **ON_2X, asked=asked(61, ongoing=True)),
            65,
            "WAIT",
            id="what it has to report may follow",
        ),
        pytest.param(
            facts(session(), **ON_2X, asked=asked(61, ongoing=True)),
            66,
            "SESSION_KEEPS_RUNNING",
            id="asked at the deadline, and nothing followed",
        ),
        pytest.param(
            facts(ended(), **ON_2X, asked=asked(61)), 63, "SESSION_STOPPED", id="its end followed"
        ),
        pytest.param(
            facts(RUNS, **ON_2X, asked=asked(61, replied=False)),
            62,
            "SESSION_KEEPS_RUNNING",
            id="asked at the deadline, and no reply",
        ),
        pytest.param(
            facts(**ON_2X, asked=asked(50, ongoing=True)),
            61,
            "SESSION_KEEPS_RUNNING",
            id="its word",
        ),
        pytest.param(
            facts(session(), **ON_2X, asked=asked(50, ongoing=False, messages_in_queue=True)),
            55,
            "WAIT",
            id="its end is on the way",
        ),
        pytest.param(
            facts(session(), **ON_2X, asked=asked(50, ongoing=False)),
            55,
            "SESSION_STOPPED",
            id="it says it is over",
        ),
    ],
)
def test_an_accepted_stop_is_judged_by_facts(known: Facts, now_s: float, expected: str) -> None:
    assert judged(answered(stop()), known, now_s) == expected


@pytest.mark.parametrize(
    ("known", "now_s", "expected"),
    [
        pytest.param(facts(ended()), 30, "SESSION_STOPPED", id="it ended meanwhile"),
        pytest.param(facts(session()), 2, "ASK", id="the station is asked"),
        pytest.param(facts(RUNS, connected_since=None), 15, "WAIT", id="it may still do it"),
        pytest.param(facts(RUNS, connected_since=None), 16, "STATION_REJECTED", id="nobody"),
        pytest.param(facts(RAN, connected_since=None), 6, "WAIT", id="life may be shown"),
        pytest.param(facts(RAN, connected_since=None), 61, "STOP_NOT_CONFIRMED", id="no life"),
        pytest.param(facts(session(), asked=asked(2)), 4, "WAIT", id="its facts may follow"),
        pytest.param(facts(RUNS, asked=asked(2)), 16, "STATION_REJECTED", id="none followed"),
        pytest.param(
            facts(RUNS, asked=asked(2, replied=False)), 16, "STATION_REJECTED", id="no reply"
        ),
        pytest.param(
            facts(session(), asked=asked(2, messages_in_queue=True)), 30, "WAIT", id="held back"
        ),
        pytest.param(
            facts(session(), asked=asked(2, messages_in_queue=True)),
            61,
            "FACTS_STILL_ON_STATION",
            id="held back for too long",
        ),
        pytest.param(
            facts(session(received_time=at(-60)), asked=asked(2, ongoing=False)),
            4,
            "ALREADY_ENDED",
            id="it ran, and is over",
        ),
        pytest.param(
            facts(session(received_time=at(1)), asked=asked(12, ongoing=False)),
            61,
            "STOP_NOT_CONFIRMED",
            id="it began after the stop, and perhaps after the question",
        ),
        pytest.param(facts(asked=asked(2, ongoing=False)), 4, "WAIT", id="nobody ever heard of it"),
        pytest.param(
            facts(asked=asked(2, ongoing=False)), 7, "STATION_REJECTED", id="nor does now"
        ),
        pytest.param(facts(session(), OTHER), 2, "SEND_AGAIN", id="metered under another id"),
        pytest.param(facts(session(), OTHER, frames=3), 2, "ASK", id="enough tries"),
        pytest.param(
            facts(session(), OTHER, replace(OTHER, ocpp_transaction_id="78")),
            2,
            "ASK",
            id="which one?",
        ),
        pytest.param(facts(OTHER, frame=frame(evse_id=None)), 2, "ASK", id="which EVSE?"),
        pytest.param(facts(OTHER), 2, "SEND_AGAIN", id="the EVSE that was named"),
        pytest.param(facts(session(), OTHER), 301, "ASK", id="not_after has passed"),
    ],
)
def test_a_refused_stop_is_not_believed_at_once(known: Facts, now_s: float, expected: str) -> None:
    assert judged(answered(stop(), REJECTED), known, now_s) == expected


@pytest.mark.parametrize(
    ("known", "now_s", "expected"),
    [
        pytest.param(facts(ended(), unanswered=1), 30, "SESSION_STOPPED", id="the first one did"),
        pytest.param(facts(session(), unanswered=1), 2, "ASK", id="which of the two?"),
        pytest.param(
            facts(session(), unanswered=1, asked=asked(2)), 10, "WAIT", id="its end may follow"
        ),
        pytest.param(
            facts(RUNS, unanswered=1, asked=asked(2)), 61, "STATION_REJECTED", id="it runs on"
        ),
        pytest.param(
            facts(session(), unanswered=1, asked=asked(2), connected_since=at(55)),
            61,
            "STOP_NOT_CONFIRMED",
            id="nobody knows",
        ),
        pytest.param(
            facts(session(), unanswered=1, asked=asked(12, ongoing=True), **ON_2X),
            17,
            "STATION_REJECTED",
            id="the station says that it runs",
        ),
        pytest.param(facts(unanswered=1, asked=asked(2)), 10, "WAIT", id="never heard of it"),
        pytest.param(
            facts(unanswered=1, asked=asked(2)), 61, "STOP_NOT_CONFIRMED", id="nor at the end"
        ),
    ],
)
def test_a_refusal_of_a_repeated_stop_says_nothing_about_the_first_one(
    known: Facts, now_s: float, expected: str
) -> None:
    assert judged(answered(stop(), REJECTED), known, now_s) == expected


@pytest.mark.parametrize(
    ("known", "now_s", "expected"),
    [
        pytest.param(facts(session(), frame=UNANSWERED), 31, "SEND_AGAIN", id="known to run"),
        pytest.param(facts(frame=UNANSWERED), 31, "WAIT", id="not known to run"),
        pytest.param(facts(session(), frame=UNANSWERED, frames=3), 31, "WAIT", id="enough"),
        pytest.param(facts(frame=UNANSWERED), 90, "ANSWER_TIMEOUT", id="nothing came"),
        pytest.param(
            facts(
                session(received_time=at(-60)),
                frame=UNANSWERED,
                asked=asked(50, ongoing=False),
                **ON_2X,
            ),
            51,
            "SESSION_STOPPED",
            id="the station says that it is over",
        ),
        pytest.param(
            facts(frame=UNANSWERED, asked=asked(50, ongoing=False), **ON_2X),
            90,
            "ANSWER_TIMEOUT",
            id="nor does anybody know such a session",
        ),
        pytest.param(facts(ended(), frame=UNANSWERED), 31, "SESSION_STOPPED", id="it ended"),
    ],
)
def test_a_stop_without_an_answer_may_be_repeated_while_its_session_runs(
    known: Facts, now_s: float, expected: str
) -> None:
    assert judged(lost(stop()), known, now_s) == expected


def test_a_stop_whose_gateway_is_still_waiting_is_not_repeated() -> None:
    sent = changes.sent(stop(), at(0))
    known = facts(session(), frame=UNANSWERED)
    assert judged(sent, known, 10) == "WAIT"
    assert judged(sent, facts(frame=UNANSWERED), 91) == "ANSWER_TIMEOUT"


def test_an_unknown_stop_is_raised_by_the_end_of_its_session() -> None:
    unknown = changes.concluded(answered(stop()), ending(Cause.STOP_NOT_CONFIRMED), at(61))
    assert judged(unknown, facts(session()), 70) == "WAIT"
    assert judged(unknown, facts(ended(at_s=65)), 70) == "SESSION_STOPPED"


def test_an_answer_to_another_frame_does_not_count() -> None:
    command = answered(stop(), ACCEPTED)
    known = facts(session(), frame=frame(attempt=2, answer_time=None))
    assert judged(command, known, 89) == "SEND_AGAIN"


RULES = COMMANDS[Kind.STOP_SESSION]


def test_nothing_is_known_of_a_stop_that_was_not_sent() -> None:
    assert RULES.proof(stop(), facts(session(), frame=None), TIMING, at(61)) == Proof()


def test_a_session_that_has_ended_needs_no_stop() -> None:
    assert RULES.target(stop()) == NamedTarget(ocpp_transaction_id="7")
    assert RULES.already_ended(stop(), FoundTarget()) is None
    assert RULES.already_ended(stop(), FoundTarget(session())) is None
    outcome = RULES.already_ended(stop(), FoundTarget(ended()))
    assert outcome is not None
    assert (outcome.cause, outcome.session) == (Cause.ALREADY_ENDED, session_facts(ended()))


@pytest.mark.parametrize(
    ("answer", "answer_time", "expected_s"),
    [(None, None, 5), (ACCEPTED, at(1), 61), (REJECTED, at(1), 1)],
)
def test_the_first_look_after_a_stop(
    answer: StationAnswer | None, answer_time: datetime | None, expected_s: float
) -> None:
    sent = frame(answer_time=answer_time)
    assert RULES.first_look(sent, answer, TIMING, None) == at(expected_s)


@pytest.mark.parametrize("answer", [ACCEPTED, REJECTED], ids=["yes", "no"])
def test_a_session_that_may_run_under_another_id_is_not_said_to_have_ended(
    answer: StationAnswer,
) -> None:
    command = answered(stop(), answer)
    assert judged(command, facts(*TOLD_AGAIN, asked=asked(40)), 70) == "STOP_NOT_CONFIRMED"
    over = (TOLD_AGAIN[0], replace(TOLD_AGAIN[1], active=False, stop_received_time=at(60)))
    assert judged(command, facts(*over), 70) == "SESSION_STOPPED"
