"""Sessions of other drivers, and of the driver's own card, are neither taken nor stopped."""

from dataclasses import replace
from typing import Any

import pytest

from domain.commands import transitions as changes
from domain.commands.judging import apply, judge
from domain.evidence.facts import Act, Facts
from domain.evidence.sessions import Session, TokenState
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Command, CompensationState
from domain.model.outcomes import Cause, ending
from tests.unit.domain.situations import (
    ACCEPTED,
    REJECTED,
    TIMING,
    answered,
    at,
    facts,
    frame,
    judged,
    session,
    start,
)

ON_2X = {"ocpp_version": "2.0.1"}
NAMED = StationAnswer(Verdict.ACCEPTED, "Accepted", ocpp_transaction_id="9")
REFUSED = frame(refused=True)
NOT_KNOWN = StationAnswer(Verdict.NOT_SUPPORTED, "NotSupported")


def begun_at(seconds: float, **changed: Any) -> Session:
    return session(**{"start_time": at(seconds), "received_time": at(seconds), **changed})


@pytest.mark.parametrize(
    "told",
    [
        pytest.param({"received_time": at(-60), "start_time": at(-60)}, id="it charges since long"),
        pytest.param({}, id="the cable was first, and then another driver's token came"),
    ],
)
def test_another_drivers_session_is_no_success_although_the_answer_names_it(told: Any) -> None:
    running = session(ocpp_transaction_id="9", token_digest="other", charging_state="Charging")
    known = facts(replace(running, **told), **ON_2X)
    assert judged(answered(start(), NAMED), known, 20) == "WAIT"
    assert judged(answered(start(), NAMED), known, 76) == "SESSION_DOUBTFUL"


def test_another_drivers_session_is_not_stopped_although_a_refusal_names_it() -> None:
    running = session(ocpp_transaction_id="9", token_digest="other")
    refusal = replace(REJECTED, ocpp_transaction_id="9")
    known = facts(running, frame=frame(refused=True), **ON_2X)
    assert judged(answered(start(), refusal), known, 20) == "WAIT"


@pytest.mark.parametrize("answer", [REJECTED, NOT_KNOWN], ids=["no", "not supported"])
@pytest.mark.parametrize(
    ("known", "now_s", "expected"),
    [
        pytest.param(facts(begun_at(1.5)), 5, "UNDO", id="at once"),
        pytest.param(facts(begun_at(4)), 5, "UNDO", id="within three seconds"),
        pytest.param(facts(begun_at(8)), 9, "WAIT", id="later, perhaps soon clear"),
        pytest.param(facts(begun_at(8)), 46, "UNDO_FAILED", id="later, told to a human"),
        pytest.param(facts(begun_at(8), **ON_2X), 46, "UNDO_FAILED", id="2.x, no request named"),
        pytest.param(facts(begun_at(1.5), **ON_2X), 5, "WAIT", id="2.x, none named, at once"),
        pytest.param(
            facts(begun_at(8, remote_start_id=5), **ON_2X), 9, "UNDO", id="2.x, ours is named"
        ),
    ],
)
def test_a_drivers_own_session_after_a_refusal_is_left_alone_and_told(
    answer: StationAnswer, known: Facts, now_s: float, expected: str
) -> None:
    refused = answered(start(), answer)
    assert judged(refused, replace(known, frame=REFUSED), now_s) == expected


@pytest.mark.parametrize(
    ("answer", "of", "now_s", "expected"),
    [
        pytest.param(ACCEPTED, begun_at(80), 90, "WAIT", id="none named, perhaps soon clear"),
        pytest.param(ACCEPTED, begun_at(80), 110, "UNDO_FAILED", id="none named"),
        pytest.param(ACCEPTED, begun_at(80, remote_start_id=5), 90, "UNDO", id="ours is named"),
        pytest.param(
            NAMED, begun_at(80, ocpp_transaction_id="9"), 90, "UNDO", id="the answer named it"
        ),
    ],
)
def test_a_drivers_own_session_after_no_effect_is_left_alone_where_requests_are_named(
    answer: StationAnswer, of: Session, now_s: float, expected: str
) -> None:
    ended_so = ending(Cause.NO_CABLE_OR_NO_TRANSACTION)
    command = changes.concluded(answered(start(), answer), ended_so, at(76))
    assert judged(command, facts(of, **ON_2X), now_s) == expected


@pytest.mark.parametrize(("now_s", "expected"), [(5, "WAIT"), (106, "UNDO_FAILED")])
def test_a_session_from_before_a_refused_frame_is_not_stopped(now_s: int, expected: str) -> None:
    """It was reported at once after the refusal, and may be its driver's own."""
    refused = changes.concluded(answered(start(), REJECTED), ending(Cause.STATION_REJECTED), at(2))
    before = session(start_time=at(-1), received_time=at(3))
    assert judged(refused, facts(before, frame=REFUSED), now_s) == expected


FIRST = session(start_time=at(1.5), received_time=at(1.5), active=False, end_reported=False)
TOLD_END: dict[str, Any] = {"stop_time": at(8), "stop_received_time": at(9), "end_reported": True}


def second(seconds: float, **changed: Any) -> Session:
    return begun_at(seconds, name="tx2", ocpp_transaction_id="8", **changed)


def being_undone(command: Command) -> Command:
    return changes.undoing(command, "It began all the same.", "tx", "7", at(2))


REFUSED_START = being_undone(answered(start(), REJECTED))
GIVEN_UP = being_undone(
    changes.concluded(answered(start()), ending(Cause.NO_CABLE_OR_NO_TRANSACTION), at(1))
)


@pytest.mark.parametrize(
    ("command", "known", "expected"),
    [
        pytest.param(
            REFUSED_START, facts(FIRST, second(9), frame=REFUSED), "UNDO_FAILED", id="his or ours"
        ),
        pytest.param(
            REFUSED_START,
            facts(FIRST, second(-9, received_time=at(3)), frame=REFUSED),
            "UNDO_FAILED",
            id="it began before the frame",
        ),
        pytest.param(
            GIVEN_UP, facts(FIRST, second(9, clock_suspect=True)), "UNDO_FAILED", id="doubtful"
        ),
        pytest.param(
            REFUSED_START, facts(FIRST, second(3), frame=REFUSED), "UNDONE", id="ours: stopped next"
        ),
        pytest.param(GIVEN_UP, facts(FIRST, second(9)), "UNDONE", id="ours, after a yes"),
        pytest.param(
            REFUSED_START,
            facts(replace(FIRST, **TOLD_END), second(9), frame=REFUSED),
            "UNDONE",
            id="the first has ended by its station's own word",
        ),
        pytest.param(
            REFUSED_START,
            facts(FIRST, second(9, evse_id=2), frame=replace(REFUSED, evse_id=None)),
            "UNDONE",
            id="on another plug",
        ),
        pytest.param(
            REFUSED_START,
            facts(FIRST, second(9, active=False), frame=REFUSED),
            "UNDONE",
            id="the second has ended too",
        ),
        pytest.param(
            REFUSED_START,
            facts(FIRST, second(9, token_state=TokenState.REFUSED), frame=REFUSED),
            "UNDONE",
            id="the second was refused",
        ),
        pytest.param(
            REFUSED_START,
            facts(FIRST, second(9), frame=REFUSED, **ON_2X),
            "UNDO_FAILED",
            id="2.x, no request named",
        ),
        pytest.param(REFUSED_START, facts(FIRST, frame=REFUSED), "UNDONE", id="none"),
    ],
)
def test_a_session_that_took_the_plug_of_an_unwanted_one_may_be_its_successor(
    command: Command, known: Facts, expected: str
) -> None:
    assert judged(command, known, 10) == expected


def test_a_successor_is_named_when_nobody_knows_whose_it_is() -> None:
    known = facts(FIRST, second(9), frame=REFUSED)
    decision = judge(REFUSED_START, known, TIMING, at(10))
    told = apply(REFUSED_START, decision, at(10)).compensation
    assert told.state is CompensationState.FAILED
    assert (told.transaction, told.ocpp_transaction_id) == ("tx2", "8")


@pytest.mark.parametrize(
    ("command", "known", "looks_again"),
    [
        pytest.param(REFUSED_START, facts(FIRST, second(3), frame=REFUSED), True, id="at once"),
        pytest.param(
            REFUSED_START,
            facts(FIRST, second(9, remote_start_id=5), frame=REFUSED, **ON_2X),
            True,
            id="2.x, ours is named",
        ),
        pytest.param(
            GIVEN_UP, facts(replace(FIRST, **TOLD_END), second(9)), True, id="its end was told"
        ),
        pytest.param(REFUSED_START, facts(FIRST, frame=REFUSED), False, id="no second one"),
        pytest.param(REFUSED_START, facts(FIRST, frame=None), False, id="no frame is known"),
        pytest.param(
            REFUSED_START,
            facts(FIRST, second(3, active=False), frame=REFUSED),
            False,
            id="the second has ended too",
        ),
    ],
)
def test_a_second_session_that_is_ours_is_stopped_next_without_news(
    command: Command, known: Facts, *, looks_again: bool
) -> None:
    """Its station may have told all about it before the first one counted as ended."""
    decision = judge(command, known, TIMING, at(10))
    assert decision.act is Act.UNDONE
    assert decision.look_again == (at(10) if looks_again else None)
    undone = apply(command, decision, at(10))
    assert judged(undone, known, 10) == ("UNDO" if looks_again else "WAIT")
