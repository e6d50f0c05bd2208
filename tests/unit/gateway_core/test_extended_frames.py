"""Frame types of OCPP 2.1, through a dialect that has them."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from station_gateway.dialects import v201
from station_gateway.dialects.interface import Violation
from station_gateway.engine import (
    AnswerReceived,
    AnswerRefused,
    FrameRefused,
    SendReceived,
    Session,
    SessionLimits,
)
from workflows.domain.model import CallError


@dataclass(frozen=True)
class Extended:
    """2.0.1 with the frames of 2.1."""

    EXTENDED_FRAMES: bool = True

    def __getattr__(self, name: str) -> Any:
        return getattr(v201, name)

    def check_call(self, action: str, payload: dict[str, Any]) -> Violation | None:
        return v201.check_call(action, payload)


def receive(*frame: Any) -> tuple[list[Any], list[Any]]:
    session = Session(Extended(), SessionLimits())
    events = session.receive(json.dumps(frame), 0.0)
    return list(events), session.data_to_send()


def test_send_is_handed_over_and_not_answered() -> None:
    assert receive(6, "m", "Heartbeat", {}) == ([SendReceived("m", "Heartbeat", {})], [])


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ((6, "m", "MakeCoffee", {}), "unknown_action"),
        ((6, "m", "BootNotification", {}), "invalid_payload"),
        ((6, "m", "Heartbeat"), "unreadable"),
        ((6, "m", "Heartbeat", []), "unreadable"),
    ],
)
def test_send_that_cannot_be_used_is_not_answered(frame: tuple[Any, ...], reason: str) -> None:
    (event,), written = receive(*frame)
    assert isinstance(event, FrameRefused)
    assert (event.reason, written) == (reason, [])


def test_refusal_of_our_answer_is_told() -> None:
    events, written = receive(5, "m", "FormatViolation", "why", {})
    assert events == [AnswerRefused("m", CallError("FormatViolation", "why"))]
    assert written == []


def test_answers_are_what_they_were() -> None:
    session = Session(Extended(), SessionLimits())
    session.call("ours", "GetTransactionStatus", {}, 0.0, 1.0)
    (event,) = session.receive('[3,"ours",{"messagesInQueue":false}]', 0.0)
    assert isinstance(event, AnswerReceived)
