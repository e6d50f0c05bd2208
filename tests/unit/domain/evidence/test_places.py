"""What is known about a command."""

import pytest

from domain.evidence.places import is_in_use
from domain.evidence.sessions import ConnectorState, Session
from tests.unit.domain.situations import (
    at,
    ended,
    facts,
    frame,
    session,
)

CHARGING = ConnectorState(1, "Charging", "Preparing", at(20))


def test_2x_can_be_asked_for_the_status_of_a_transaction() -> None:
    assert facts(ocpp_version="2.0.1").can_ask_status
    assert facts(ocpp_version="2.1").can_ask_status
    assert not facts().can_ask_status


@pytest.mark.parametrize(
    ("known", "shown", "expected"),
    [
        pytest.param((), CHARGING, True, id="no session"),
        pytest.param((session(),), CHARGING, False, id="one runs there"),
        pytest.param((session(evse_id=None),), CHARGING, False, id="one runs somewhere"),
        pytest.param((session(evse_id=2),), CHARGING, True, id="one runs elsewhere"),
        pytest.param((ended(),), CHARGING, False, id="one ended after the frame"),
        pytest.param(
            (ended(at_s=-5, received_time=at(-60), start_time=at(-60)),),
            CHARGING,
            True,
            id="one ended before the frame",
        ),
        pytest.param(
            (ended(start_time=at(-7_200), stop_time=at(-3_600), received_time=at(5), at_s=5),),
            CHARGING,
            True,
            id="one that ended long ago is reported now",
        ),
        pytest.param((), ConnectorState(1, "Charging", "", at(-5)), False, id="since long"),
        pytest.param((), ConnectorState(1, "Occupied", "Available", at(20)), True, id="2.x"),
        pytest.param(
            (), ConnectorState(1, "Preparing", "Available", at(20)), True, id="a car came"
        ),
        pytest.param(
            (), ConnectorState(1, "Preparing", "", at(-5)), False, id="it was there before"
        ),
        pytest.param((), ConnectorState(1, "Available", "Preparing", at(20)), False, id="it left"),
    ],
)
def test_a_place_is_in_use_when_no_session_of_that_time_explains_it(
    known: tuple[Session, ...], shown: ConnectorState, expected: bool
) -> None:
    assert is_in_use(facts(*known, connectors=(shown,)), frame()) is expected
