"""Malformed frames get the answer that the version asks for, and the session lives on."""

import json

import pytest

from station_gateway.dialects.interface import Dialect
from station_gateway.session.engine import OcppSession, SessionLimits
from station_gateway.session.events import CallReceived, Closing, FrameRefused
from station_gateway.session.frames import CALL_ERROR, CALL_RESULT, Fault, FrameError
from station_gateway.session.refusals import answer_to
from tests.unit.station_gateway.malformed import Malformed, Said, every_case
from tests.unit.station_gateway.versions import DIALECTS

CASES = [
    pytest.param(case, version, id=f"{version}-{case.name}")
    for case in every_case()
    for version in case.versions
]


def said_to(session: OcppSession, case: Malformed) -> Said:
    events = session.receive(case.data, 0.0)
    assert any(isinstance(event, FrameRefused) for event in events), events
    if any(isinstance(event, Closing) for event in events):
        return "closed"
    written = [json.loads(frame) for frame in session.data_to_send()]
    assert all(frame[0] == 4 and len(frame) == 5 for frame in written)
    return (written[0][1], written[0][2]) if written else None


@pytest.mark.parametrize(("case", "version"), CASES)
def test_malformed_frame_gets_the_answer_that_its_version_asks_for(
    case: Malformed, version: str
) -> None:
    session = OcppSession(DIALECTS[version], SessionLimits())
    expected = case.said[0 if version == "1.6" else 1]
    assert said_to(session, case) == expected
    if expected != "closed":
        (event,) = session.receive('[2,"after","Heartbeat",{}]', 0.0)
        assert isinstance(event, CallReceived)


def test_there_are_at_least_three_hundred_cases() -> None:
    assert len(CASES) >= 300


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_errors_never_echo_the_payload(dialect: Dialect) -> None:
    secret = "04AABBCCDD"
    for payload in ({"idTag": secret * 9}, {"idToken": secret}, {secret: secret}):
        session = OcppSession(dialect, SessionLimits())
        (event,) = session.receive(json.dumps([2, "m", "Authorize", payload]), 0.0)
        assert isinstance(event, FrameRefused)
        assert secret not in str(session.data_to_send()) + event.detail


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize("fault", [Fault.SHAPE, Fault.TEXT, Fault.PAYLOAD])
def test_an_answer_is_never_answered(dialect: Dialect, fault: Fault) -> None:
    for type_number in (CALL_RESULT, CALL_ERROR):
        assert answer_to(FrameError(fault, "odd", type_number, "m"), dialect) is None
