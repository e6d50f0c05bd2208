"""What a station shows besides its answers and its sessions, and what it forbids to say."""

from typing import Any

import pytest

from domain.commands import transitions as changes
from domain.commands.judging import apply, judge
from domain.evidence.ends import shows_life
from domain.evidence.facts import Act, Facts
from domain.evidence.sessions import ConnectorState
from domain.model.answers import CallError, StationAnswer, Verdict
from domain.model.outcomes import Cause, ending
from tests.unit.domain.situations import (
    REJECTED,
    TIMING,
    answered,
    asked,
    at,
    available,
    cancel,
    facts,
    frame,
    judged,
    lost,
    session,
    start,
    stop,
)

UNANSWERED = frame(answer_time=None)
ON_2X: dict[str, Any] = {"ocpp_version": "2.0.1"}


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(facts(connected_since=at(20)), id="reconnected"),
        pytest.param(facts(boot_time=at(20)), id="booted on the old socket"),
        pytest.param(
            facts(connected_since=at(20), connectors=(available(25),)), id="and shows it as free"
        ),
    ],
)
def test_a_station_that_was_away_while_a_start_was_awaited_may_hold_its_session_back(
    known: Facts,
) -> None:
    command = answered(start())
    assert judged(command, known, 60) == "WAIT"
    decision = judge(command, known, TIMING, at(76))
    assert decision.outcome is not None
    assert decision.outcome.cause == "START_NOT_EXCLUDED"
    assert "may still report" in decision.outcome.message
    unknown = apply(command, decision, at(76))
    waits = judge(unknown, known, TIMING, at(300))
    assert (waits.act, waits.look_again) == (Act.WAIT, at(320))
    assert judged(unknown, facts(session()), 310) == "SESSION_STARTED"
    quiet = {"NO_CABLE_OR_NO_TRANSACTION"}
    assert judged(unknown, known, 320) in quiet


def test_a_station_that_was_away_before_it_agreed_holds_nothing_back() -> None:
    known = facts(connected_since=at(-20), boot_time=at(-20))
    assert judged(answered(start()), known, 76) == "NO_CABLE_OR_NO_TRANSACTION"


def test_a_start_that_was_not_answered_is_not_excluded_by_silence_after_a_return() -> None:
    unknown = changes.concluded(lost(start()), ending(Cause.ANSWER_TIMEOUT), at(100))
    known = facts(frame=UNANSWERED, connected_since=at(20))
    assert judge(unknown, known, TIMING, at(500)).look_again is None


def test_a_station_that_holds_nothing_back_after_its_return_is_believed() -> None:
    known = facts(
        connected_since=at(20), asked=asked(61, ongoing=False, messages_in_queue=False), **ON_2X
    )
    assert judged(answered(start()), known, 76) == "NO_CABLE_OR_NO_TRANSACTION"


@pytest.mark.parametrize(
    ("plug", "known", "expected"),
    [
        pytest.param(ConnectorState(1, "Occupied", "Available", at(9)), {}, "UNKNOWN", id="2.x"),
        pytest.param(
            ConnectorState(1, "Occupied", "Available", at(-9)), {}, "NOTHING", id="before"
        ),
        pytest.param(ConnectorState(1, "Preparing", "Available", at(9)), {}, "UNKNOWN", id="1.6"),
        pytest.param(
            ConnectorState(1, "Preparing", "Available", at(-9)), {}, "NOTHING", id="1.6, before"
        ),
        pytest.param(ConnectorState(0, "Charging", "", at(9)), {}, "UNKNOWN", id="the station"),
        pytest.param(
            ConnectorState(0, "Charging", "", at(9)),
            {"sessions": (session(evse_id=2, token_digest="other"),)},
            "NOTHING",
            id="the station, for another plug",
        ),
        pytest.param(
            ConnectorState(2, "Charging", "", at(9)),
            {"sessions": (session(evse_id=2, token_digest="other"),)},
            "NOTHING",
            id="another driver's session",
        ),
        pytest.param(
            ConnectorState(2, "Charging", "", at(9)),
            {"frame": frame(evse_id=None)},
            "UNKNOWN",
            id="any plug, when none was asked for",
        ),
        pytest.param(
            ConnectorState(1, "Available", "Finishing", at(20), charging_time=at(9)),
            {},
            "UNKNOWN",
            id="it has charged and is free",
        ),
        pytest.param(
            ConnectorState(1, "Available", "Finishing", at(20), charging_time=at(-9)),
            {},
            "NOTHING",
            id="it charged before",
        ),
        pytest.param(
            ConnectorState(1, "Available", "Finishing", at(20), charging_time=at(9)),
            {"sessions": (session(token_digest="other"),)},
            "NOTHING",
            id="it has charged for another driver",
        ),
        pytest.param(ConnectorState(1, "InUse", "", at(9)), {}, "UNKNOWN", id="in no known word"),
        pytest.param(ConnectorState(1, "InUse", "", at(-9)), {}, "NOTHING", id="before, too"),
    ],
)
def test_a_place_that_is_in_use_for_no_known_session_forbids_to_say_that_nothing_began(
    plug: ConnectorState, known: dict[str, object], expected: str
) -> None:
    causes = {"UNKNOWN": "START_NOT_EXCLUDED", "NOTHING": "NO_CABLE_OR_NO_TRANSACTION"}
    assert judged(answered(start()), facts(connectors=(plug,), **known), 76) == causes[expected]


def test_a_session_that_nobody_knows_shows_no_life() -> None:
    assert not shows_life(facts(), frame(), at(1))


@pytest.mark.parametrize(
    ("told_s", "known", "expected"),
    [
        pytest.param(3, {}, True, id="its id was given after the answer"),
        pytest.param(0.5, {}, False, id="the station had its id before it answered"),
        pytest.param(3, {"frame": frame(answer_time=None)}, False, id="the stop may come later"),
        pytest.param(3, {"ocpp_version": "2.0.1"}, False, id="the station gives the id"),
        pytest.param(3, {"ocpp_version": ""}, False, id="nobody knows who gives the id"),
    ],
)
def test_a_session_that_begins_after_the_answer_was_not_ended_by_the_stop(
    told_s: float, known: dict[str, Any], expected: bool
) -> None:
    begun = session(start_time=at(told_s), received_time=at(told_s))
    told = facts(begun, **known)
    assert told.frame is not None
    assert shows_life(told, told.frame, at(1)) is expected


def test_a_refused_stop_of_a_session_that_begins_only_then_is_refused() -> None:
    begun = session(start_time=at(3), received_time=at(3))
    known = facts(begun, frame=frame(refused=True), asked=asked(2))
    assert judged(answered(stop(), REJECTED), known, 31) == "STATION_REJECTED"


def test_the_end_may_follow_a_lost_answer_also_when_life_was_shown() -> None:
    known = facts(session(alive_time=at(3)), unanswered=1, asked=asked(2))
    assert judged(answered(stop(), REJECTED), known, 10) == "WAIT"


def test_a_no_to_a_cancel_that_decides_alone_is_told() -> None:
    no = StationAnswer(Verdict.REJECTED, call_error=CallError("FormationViolation"))
    told = answered(cancel(), no).outcome
    assert told is not None
    assert told.cause == Cause.CALL_ERROR
