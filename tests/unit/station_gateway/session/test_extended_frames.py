"""Frame types that OCPP 2.1 adds: SEND (6), and CALLRESULTERROR (5) in both directions."""

import json
from typing import Any

import pytest

from domain.model.answers import CallError
from station_gateway.dialects import v16, v21, v201
from station_gateway.dialects.interface import Dialect
from station_gateway.dialects.messages import Unreadable
from station_gateway.session.engine import OcppSession, SessionLimits
from station_gateway.session.events import (
    AnswerReceived,
    AnswerRefused,
    Event,
    FrameRefused,
    SendReceived,
)

STREAM = {
    "id": 1,
    "pending": 0,
    "basetime": "2026-01-01T00:00:00Z",
    "data": [{"t": 0.5, "v": "230.1"}],
}


def receive(*frame: Any) -> tuple[list[Event], list[str]]:
    session = OcppSession(v21, SessionLimits())
    events = session.receive(json.dumps(frame), 0.0)
    return list(events), session.data_to_send()


def answered(dialect: Dialect, frame: str, *, late: bool = False) -> tuple[Event, list[Any]]:
    """What a CALL of ours came to, and what was written then."""
    session = OcppSession(dialect, SessionLimits())
    session.call("ours", "TriggerMessage", {}, 0.0, 1.0)
    session.data_to_send()
    if late:
        session.check_timeouts(1.0)
    (event,) = session.receive(frame, 2.0)
    return event, [json.loads(written) for written in session.data_to_send()]


def test_send_is_handed_over_and_not_answered() -> None:
    noted = SendReceived("m", "NotifyPeriodicEventStream", STREAM)
    assert receive(6, "m", "NotifyPeriodicEventStream", STREAM) == ([noted], [])


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ((6, "m", "MakeCoffee", {}), "unknown_action"),
        ((6, "m", "Heartbeat", {}), "unknown_action"),
        ((6, "m", "TransactionEvent", {}), "unknown_action"),
        ((6, "m", "NotifyPeriodicEventStream", STREAM | {"data": []}), "invalid_payload"),
        ((6, "m", "NotifyPeriodicEventStream"), "unreadable"),
        ((6, "m", "NotifyPeriodicEventStream", []), "unreadable"),
        ((6,), "unreadable"),
    ],
)
def test_send_that_cannot_be_used_is_not_answered(frame: tuple[Any, ...], reason: str) -> None:
    (event,), written = receive(*frame)
    assert isinstance(event, FrameRefused)
    assert (event.reason, written) == (reason, [])


def test_a_report_that_comes_as_a_send_is_not_used_and_is_kept_as_a_fact() -> None:
    told = {"eventType": "Started", "evse": {"id": 2}, "transactionInfo": {"transactionId": "X1"}}
    (event,), written = receive(6, "m", "TransactionEvent", told)
    assert isinstance(event, FrameRefused)
    assert event.untaken is not None
    about = event.untaken.action, event.untaken.evse_id, event.untaken.ocpp_transaction_id
    assert (about, written) == (("TransactionEvent", 2, "X1"), [])


def test_a_send_that_tells_no_fact_is_kept_as_none() -> None:
    (event,), _ = receive(6, "m", "Heartbeat", {})
    assert isinstance(event, FrameRefused)
    assert event.untaken is None


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        ((5, "m", "FormatViolation", "why", {}), CallError("FormatViolation", "why")),
        ((5, "m"), CallError("", "")),
    ],
)
def test_refusal_of_our_answer_is_told(frame: tuple[Any, ...], error: CallError) -> None:
    assert receive(*frame) == ([AnswerRefused("m", error)], [])


@pytest.mark.parametrize("late", [False, True])
def test_answer_that_breaks_its_schema_is_refused_with_a_call_result_error(late: bool) -> None:
    event, written = answered(v21, '[3,"ours",{}]', late=late)
    assert event == AnswerReceived("ours", "TriggerMessage", Unreadable("status: required"), late)
    assert written == [[5, "ours", "OccurrenceConstraintViolation", "status: required", {}]]


@pytest.mark.parametrize("frame", ['[3,"ours",[]]', '[3,"ours",{'])
def test_answer_that_cannot_be_read_is_refused_with_a_call_result_error(frame: str) -> None:
    event, written = answered(v21, frame)
    assert isinstance(event, AnswerReceived) and isinstance(event.answer, Unreadable)
    assert [said[:3] for said in written] == [[5, "ours", "FormatViolation"]]


@pytest.mark.parametrize(
    "frame", ['[4,"ours"]', '[4,"ours","Odd","",{', '[3,"ours",{"status":"Odd"}]']
)
def test_errors_and_new_words_are_not_refused(frame: str) -> None:
    event, written = answered(v21, frame)
    assert isinstance(event, AnswerReceived)
    assert written == []


@pytest.mark.parametrize("dialect", [v16, v201], ids=["1.6", "2.0.1"])
@pytest.mark.parametrize("frame", ['[3,"ours",{}]', '[3,"ours",[]]'])
def test_older_versions_have_no_word_for_an_answer_of_no_use(dialect: Dialect, frame: str) -> None:
    event, written = answered(dialect, frame)
    assert isinstance(event, AnswerReceived) and isinstance(event.answer, Unreadable)
    assert written == []


@pytest.mark.parametrize("dialect", [v16, v201], ids=["1.6", "2.0.1"])
def test_older_versions_take_nothing_by_send(dialect: Dialect) -> None:
    assert dialect.check_send("NotifyPeriodicEventStream", STREAM) is not None
    assert dialect.check_send("Heartbeat", {}) is not None
