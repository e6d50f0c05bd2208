"""What became of a StopSession: one table per moment, a row per situation."""

from dataclasses import replace
from datetime import datetime

import pytest

from domain.commands import transitions as changes
from domain.commands.judging import judge
from domain.commands.rules import FoundTarget, NamedTarget
from domain.commands.table import COMMANDS
from domain.evidence.facts import Facts, session_facts
from domain.evidence.proof import SIGNS, Proof, Sign
from domain.evidence.sessions import ConnectorState
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
    said,
    session,
    stop,
)

UNANSWERED = frame(answer_time=None)
ON_2X = {"ocpp_version": "2.0.1"}
NAMED = StationAnswer(Verdict.ACCEPTED, "Accepted", ocpp_transaction_id="9")


RUNS = session(alive_time=at(3))
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
        pytest.param(
            facts(session(), asked=asked(61)), 66, "STOP_NOT_CONFIRMED", id="no sign of life"
        ),
        pytest.param(
            facts(session(alive_time=at(1)), asked=asked(61)),
            66,
            "STOP_NOT_CONFIRMED",
            id="alive before the answer",
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
        pytest.param(facts(RUNS, connected_since=None), 5, "WAIT", id="it may still do it"),
        pytest.param(facts(RUNS, connected_since=None), 6, "STATION_REJECTED", id="nobody"),
        pytest.param(facts(session(), connected_since=None), 6, "WAIT", id="life may be shown"),
        pytest.param(
            facts(session(), connected_since=None), 61, "STOP_NOT_CONFIRMED", id="no life"
        ),
        pytest.param(facts(session(), asked=asked(2)), 4, "WAIT", id="its facts may follow"),
        pytest.param(facts(RUNS, asked=asked(2)), 7, "STATION_REJECTED", id="none followed"),
        pytest.param(
            facts(RUNS, asked=asked(2, replied=False)), 6, "STATION_REJECTED", id="no reply"
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
            facts(session(received_time=at(1)), asked=asked(2, ongoing=False)),
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
            facts(session(), unanswered=1, asked=asked(2, ongoing=True), **ON_2X),
            10,
            "STATION_REJECTED",
            id="the station says that it runs",
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


RAN = session(start_time=at(-60), received_time=at(-60), alive_time=at(3))


def shown(status: str, at_s: float = 5, evse_id: int = 1, before: str = "Charging") -> Facts:
    """A session that runs, and its charging place shown so."""
    return facts(RAN, connectors=(ConnectorState(evse_id, status, before, at(at_s)),))


SPEAK_FOR_THE_END = [
    pytest.param(shown("Finishing"), Sign.EVSE_NOT_CHARGING, id="Finishing"),
    pytest.param(shown("Preparing"), Sign.EVSE_NOT_CHARGING, id="Preparing"),
    pytest.param(shown("Reserved"), Sign.EVSE_NOT_CHARGING, id="Reserved"),
    pytest.param(shown("Finishing", -5), Sign.EVSE_NOT_CHARGING, id="Finishing before the stop"),
    pytest.param(shown("Available"), Sign.EVSE_FREE, id="Available"),
    pytest.param(shown("Available", before=""), Sign.EVSE_FREE, id="Available, all that is known"),
    pytest.param(shown("Available", -5, before="Finishing"), Sign.EVSE_FREE, id="free before"),
    pytest.param(shown("Faulted"), Sign.EVSE_DOWN, id="Faulted"),
    pytest.param(shown("Unavailable"), Sign.EVSE_DOWN, id="Unavailable"),
    pytest.param(shown("Unavailable", evse_id=0), Sign.EVSE_DOWN, id="the whole station closed"),
    pytest.param(
        replace(shown("Faulted", evse_id=2), sessions=(replace(RAN, evse_id=None),)),
        Sign.EVSE_DOWN,
        id="a fault at some place, and it is not known where the session is",
    ),
    pytest.param(
        replace(shown("Finishing", evse_id=2), sessions=(replace(RAN, evse_id=None),)),
        Sign.EVSE_NOT_CHARGING,
        id="Finishing at some place",
    ),
    pytest.param(facts(RAN, boot_time=at(9)), Sign.BOOTED, id="it booted"),
    pytest.param(
        facts(replace(RAN, charging_state="EVConnected"), asked=asked(50, ongoing=True), **ON_2X),
        Sign.SESSION_NOT_CHARGING,
        id="EVConnected",
    ),
    pytest.param(
        facts(replace(RAN, charging_state="Idle"), asked=asked(50, ongoing=True), **ON_2X),
        Sign.SESSION_NOT_CHARGING,
        id="Idle",
    ),
]


@pytest.mark.parametrize("answer", [ACCEPTED, REJECTED], ids=["accepted", "refused"])
@pytest.mark.parametrize(("known", "sign"), SPEAK_FOR_THE_END)
def test_what_does_not_fit_a_session_that_runs_forbids_to_say_that_it_does(
    known: Facts, sign: Sign, answer: StationAnswer
) -> None:
    asked_before = replace(known, asked=known.asked or asked(50))
    decision = judge(answered(stop(), answer), asked_before, TIMING, at(61))
    assert said(decision) == Cause.STOP_NOT_CONFIRMED
    assert decision.outcome is not None
    assert SIGNS[sign] in decision.outcome.message


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(shown("Charging"), id="it charges"),
        pytest.param(shown("SuspendedEV"), id="the car takes a break"),
        pytest.param(shown("Finishing", evse_id=2), id="another place"),
        pytest.param(shown("Finishing", -70), id="the session before it"),
        pytest.param(shown("Faulted", -5), id="a fault in which it went on"),
        pytest.param(shown("Available", -5, before=""), id="shown as free long before"),
        pytest.param(facts(RAN, boot_time=at(-9)), id="a boot before the stop"),
        pytest.param(facts(replace(RAN, charging_state="SuspendedEV")), id="2.x, a break"),
    ],
)
def test_what_fits_a_session_that_runs_does_not_stand_in_the_way(known: Facts) -> None:
    asked_before = replace(known, asked=asked(50))
    assert judged(answered(stop()), asked_before, 61) == "SESSION_KEEPS_RUNNING"
    assert judged(answered(stop(), REJECTED), asked_before, 61) == "STATION_REJECTED"


SEVERAL_IDS = {"tried": ("7", "77"), "frames": 2, **ON_2X}


@pytest.mark.parametrize(
    ("known", "now_s", "expected"),
    [
        pytest.param(
            facts(RAN, asked=asked(-3, ongoing=False), **SEVERAL_IDS),
            20,
            "WAIT",
            id="not under the id that was asked about",
        ),
        pytest.param(
            facts(asked=asked(-3, ongoing=True), **SEVERAL_IDS),
            61,
            "STOP_NOT_CONFIRMED",
            id="one id, when another one was stopped",
        ),
        pytest.param(
            facts(asked=asked(-3, ongoing=True), **ON_2X),
            61,
            "STOP_NOT_CONFIRMED",
            id="it ran before the stop",
        ),
    ],
)
def test_a_reply_about_something_else_is_no_word_about_this_stop(
    known: Facts, now_s: float, expected: str
) -> None:
    assert judged(answered(stop()), known, now_s) == expected


RULES = COMMANDS[Kind.STOP_SESSION]


def test_nothing_is_known_of_a_stop_that_was_not_sent() -> None:
    assert RULES.proof(stop(), facts(RAN, frame=None), TIMING, at(61)) == Proof()


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
