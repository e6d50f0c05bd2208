"""What speaks for the end of a session that was to be stopped, and what for its life."""

from dataclasses import replace

import pytest

from domain.commands import transitions as changes
from domain.commands.judging import judge
from domain.commands.rules import FoundTarget
from domain.commands.table import COMMANDS
from domain.evidence.facts import Facts
from domain.evidence.proof import SIGNS, Sign
from domain.evidence.sessions import ConnectorState
from domain.model.answers import StationAnswer
from domain.model.outcomes import Cause
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
    judged,
    said,
    session,
    stop,
)

ON_2X = {"ocpp_version": "2.0.1"}
RAN = session(start_time=at(-60), received_time=at(-60), alive_time=at(12))


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


@pytest.mark.parametrize(
    ("start_s", "shown_s", "expected"),
    [
        pytest.param(8, 5, Cause.STATION_REJECTED, id="before it began"),
        pytest.param(8, 9, Cause.STOP_NOT_CONFIRMED, id="after it began"),
        pytest.param(-60, 5, Cause.STOP_NOT_CONFIRMED, id="it ran, and was told late"),
    ],
)
def test_what_a_plug_showed_before_the_session_began_does_not_speak_for_its_end(
    start_s: float, shown_s: float, expected: Cause
) -> None:
    late = session(start_time=at(start_s), received_time=at(8))
    plug = ConnectorState(1, "Preparing", "Available", at(shown_s))
    known = facts(late, connectors=(plug,), asked=asked(50))
    assert said(judge(answered(stop(), REJECTED), known, TIMING, at(61))) == expected


@pytest.mark.parametrize(
    ("plug", "expected"),
    [
        pytest.param(ConnectorState(1, "Charging", "", at(-60), at(40)), "RUNS", id="told anew"),
        pytest.param(ConnectorState(1, "Charging", "", at(40)), "RUNS", id="changed"),
        pytest.param(ConnectorState(1, "Charging", "", at(-60), at(-1)), "SILENT", id="before"),
        pytest.param(ConnectorState(2, "Charging", "", at(40)), "SILENT", id="another plug"),
        pytest.param(ConnectorState(1, "SuspendedEV", "", at(40)), "SILENT", id="a break"),
    ],
)
def test_a_plug_that_is_shown_as_charging_after_the_answer_is_a_sign_of_life(
    plug: ConnectorState, expected: str
) -> None:
    known = facts(replace(RAN, alive_time=None), connectors=(plug,), asked=asked(50))
    causes = {
        "RUNS": ("SESSION_KEEPS_RUNNING", "STATION_REJECTED"),
        "SILENT": ("STOP_NOT_CONFIRMED", "STOP_NOT_CONFIRMED"),
    }
    told = tuple(judged(answered(stop(), answer), known, 61) for answer in (ACCEPTED, REJECTED))
    assert told == causes[expected]


NEVER_SHOWN = replace(RAN, alive_time=None)
CHARGES = ConnectorState(1, "Charging", "", at(-60), at(12))


@pytest.mark.parametrize(
    ("known", "now_s", "expected"),
    [
        pytest.param(facts(NEVER_SHOWN, asked=asked(2)), 8, "WAIT", id="it is too early to ask"),
        pytest.param(facts(NEVER_SHOWN, asked=asked(2)), 11, "ASK", id="it is asked again"),
        pytest.param(
            facts(NEVER_SHOWN, asked=asked(2), connected_since=None), 11, "WAIT", id="it is away"
        ),
        pytest.param(facts(NEVER_SHOWN, asked=asked(2, times=3)), 11, "WAIT", id="asked enough"),
        pytest.param(
            facts(replace(RAN, alive_time=at(3)), asked=asked(11)),
            59,
            "WAIT",
            id="an early reading",
        ),
        pytest.param(
            facts(replace(RAN, alive_time=at(3)), asked=asked(11)),
            61,
            "STOP_NOT_CONFIRMED",
            id="an early reading, to the end",
        ),
        pytest.param(
            facts(ended(at_s=10, received_time=at(-60)), asked=asked(2)),
            10,
            "SESSION_STOPPED",
            id="an early reading, and then its end",
        ),
        pytest.param(facts(RAN, asked=asked(2)), 15, "WAIT", id="a late reading may be the last"),
        pytest.param(facts(RAN, asked=asked(2)), 16, "STATION_REJECTED", id="it meters on"),
        pytest.param(
            facts(NEVER_SHOWN, connectors=(CHARGES,), asked=asked(2)),
            16,
            "STATION_REJECTED",
            id="its plug charges on",
        ),
        pytest.param(
            facts(NEVER_SHOWN, asked=asked(2, ongoing=True), **ON_2X), 11, "ASK", id="an early word"
        ),
        pytest.param(
            facts(NEVER_SHOWN, asked=asked(11, ongoing=True), **ON_2X),
            16,
            "STATION_REJECTED",
            id="a late word",
        ),
        pytest.param(
            facts(asked=asked(2, ongoing=True), **ON_2X), 8, "WAIT", id="only the station knows it"
        ),
    ],
)
def test_a_station_that_refuses_a_stop_may_obey_for_some_seconds(
    known: Facts, now_s: float, expected: str
) -> None:
    assert judged(answered(stop(), REJECTED), known, now_s) == expected


@pytest.mark.parametrize(
    ("alive_s", "expected"),
    [
        pytest.param(1.5, "STOP_NOT_CONFIRMED", id="it crossed the stop"),
        pytest.param(11, "STOP_NOT_CONFIRMED", id="while it may be ending"),
        pytest.param(11.5, "SESSION_KEEPS_RUNNING", id="well after the answer"),
    ],
)
def test_a_reading_that_came_just_after_the_yes_does_not_say_that_the_session_runs_on(
    alive_s: float, expected: str
) -> None:
    known = facts(replace(RAN, alive_time=at(alive_s)), asked=asked(50))
    assert judged(answered(stop()), known, 61) == expected


def test_a_stop_without_any_sign_of_life_says_that_none_came_and_is_raised_by_the_end() -> None:
    command = answered(stop())
    silent = replace(RAN, alive_time=None)
    decision = judge(command, facts(silent, asked=asked(61)), TIMING, at(66))
    assert decision.outcome is not None
    assert SIGNS[Sign.NO_SIGN_OF_LIFE] in decision.outcome.message
    told = changes.concluded(command, decision.outcome, at(66))
    assert judged(told, facts(ended(at_s=70)), 71) == "SESSION_STOPPED"


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


INFERRED = ended(stop_time=None, stop_received_time=at(20), end_reported=False)
"""The station booted, and showed its plug as free at 20: nobody reported the end."""


@pytest.mark.parametrize("answer", [ACCEPTED, REJECTED], ids=["accepted", "refused"])
@pytest.mark.parametrize(
    ("known", "now_s", "expected"),
    [
        pytest.param(facts(INFERRED), 21, {"WAIT"}, id="the car may not be seen yet"),
        pytest.param(facts(INFERRED), 31, {"SESSION_STOPPED"}, id="it stands"),
        pytest.param(
            facts(INFERRED, connectors=(ConnectorState(1, "Charging", "Available", at(25)),)),
            90,
            {"STOP_NOT_CONFIRMED", "STATION_REJECTED"},
            id="it charges again",
        ),
        pytest.param(
            facts(INFERRED, connectors=(ConnectorState(2, "Charging", "Available", at(25)),)),
            31,
            {"SESSION_STOPPED"},
            id="another plug charges",
        ),
        pytest.param(
            facts(
                INFERRED,
                session(name="next", ocpp_transaction_id="78", received_time=at(24)),
                connectors=(ConnectorState(1, "Charging", "Available", at(25)),),
            ),
            31,
            {"SESSION_STOPPED"},
            id="the next session charges there",
        ),
    ],
)
def test_an_end_that_nobody_reported_is_told_when_it_stands(
    answer: StationAnswer, known: Facts, now_s: float, expected: set[str]
) -> None:
    assert judged(answered(stop(), answer), replace(known, asked=asked(50)), now_s) in expected


def test_a_session_whose_end_nobody_reported_is_stopped_all_the_same() -> None:
    rules = COMMANDS[Kind.STOP_SESSION]
    assert rules.already_ended(stop(), FoundTarget(INFERRED)) is None
