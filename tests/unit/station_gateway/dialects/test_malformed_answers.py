"""Answers to commands that no station should send: each is read, or said to be unreadable."""

import json
from typing import Any

import pytest

from domain.model.answers import CallError, Verdict
from domain.model.specs import Kind
from station_gateway.dialects.interface import Dialect
from station_gateway.session.engine import OcppSession, SessionLimits
from station_gateway.session.events import AnswerReceived, CallReceived
from tests.unit.station_gateway.versions import DIALECTS, read_answer

ACTIONS = {
    Kind.UNLOCK_CONNECTOR: "UnlockConnector",
    Kind.RESET: "Reset",
    Kind.RESERVE_NOW: "ReserveNow",
    Kind.CANCEL_RESERVATION: "CancelReservation",
}
YES = {kind: "Unlocked" if kind is Kind.UNLOCK_CONNECTOR else "Accepted" for kind in ACTIONS}
DEEP: Any = {"a": 1}
for _ in range(20):
    DEEP = {"a": DEEP}

UNREADABLE: dict[str, Any] = {
    "no status": {},
    "status is a number": {"status": 7},
    "status is null": {"status": None},
    "status is a list": {"status": ["Accepted"]},
    "status is an object": {"status": {"status": "Accepted"}},
    "status is true": {"status": True},
    "status is empty": {"status": ""},
    "status in lower case": {"status": "accepted"},
    "status with a space": {"status": " Accepted"},
    "status of another command": {"status": "PaymentRequired"},
    "a very long status": {"status": "A" * 5_000},
    "control characters": {"status": "Acc\x00epted"},
    "something deep": {"deep": DEEP},
}
READABLE: dict[str, dict[str, Any]] = {
    "an unknown field": {"vendor": DEEP},
    "a broken reason": {"statusInfo": "because"},
    "a reason without its code": {"statusInfo": {"additionalInfo": "because"}},
    "a long reason": {"statusInfo": {"reasonCode": "R" * 300, "additionalInfo": "i" * 5_000}},
    "a reason of numbers": {"statusInfo": {"reasonCode": 7, "additionalInfo": 8}},
}
every = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
every_kind = pytest.mark.parametrize("kind", ACTIONS)


def answer_to(dialect: Dialect, kind: Kind, *frame: Any) -> Any:
    """What the session makes of this answer; it must live on afterwards."""
    session = OcppSession(dialect, SessionLimits())
    session.call("m", ACTIONS[kind], {}, 0.0, 30.0)
    (event,) = session.receive(json.dumps(frame), 0.0)
    assert isinstance(event, AnswerReceived)
    (alive,) = session.receive('[2,"after","Heartbeat",{}]', 0.0)
    assert isinstance(alive, CallReceived)
    return event.answer


@every
@every_kind
@pytest.mark.parametrize("name", UNREADABLE)
def test_an_answer_that_cannot_be_understood_is_unreadable_and_not_guessed(
    dialect: Dialect, kind: Kind, name: str
) -> None:
    answer = answer_to(dialect, kind, 3, "m", UNREADABLE[name])
    read = read_answer(dialect, kind, answer)
    assert read.verdict is Verdict.UNREADABLE
    assert len(read.status) <= 50


@every
@every_kind
@pytest.mark.parametrize("name", READABLE)
def test_an_answer_with_odd_extras_is_read_by_its_status(
    dialect: Dialect, kind: Kind, name: str
) -> None:
    answer = answer_to(dialect, kind, 3, "m", {"status": YES[kind], **READABLE[name]})
    read = read_answer(dialect, kind, answer)
    assert (read.verdict, read.status) == (Verdict.ACCEPTED, YES[kind])
    assert len(read.reason_code) <= 20
    assert len(read.additional_info) <= 512


@every
@every_kind
@pytest.mark.parametrize("payload", [[], "Accepted", 7, None, True])
def test_an_answer_that_is_no_object_is_unreadable(
    dialect: Dialect, kind: Kind, payload: Any
) -> None:
    answer = answer_to(dialect, kind, 3, "m", payload)
    assert read_answer(dialect, kind, answer).verdict is Verdict.UNREADABLE


@every
@every_kind
@pytest.mark.parametrize("rest", [[], ["X"], ["NotSupported", 7, "x"], [7, "", {}]])
def test_an_error_without_all_of_its_parts_is_no_yes(
    dialect: Dialect, kind: Kind, rest: list[Any]
) -> None:
    answer = answer_to(dialect, kind, 4, "m", *rest)
    read = read_answer(dialect, kind, answer)
    assert read.verdict not in {Verdict.ACCEPTED, Verdict.SCHEDULED}
    assert read.call_error is None or isinstance(read.call_error, CallError)
