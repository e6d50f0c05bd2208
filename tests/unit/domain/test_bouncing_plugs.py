"""A plug bounces while it is put in: it must be out for a while before a start came to nothing.

Where energy flowed the start came to something, whatever word the station has for the end.
"""

import pytest

from domain.evidence.facts import Facts
from domain.evidence.sessions import TokenState
from tests.unit.domain.situations import (
    answered,
    at,
    available,
    ended,
    facts,
    frame,
    judged,
    session,
    start,
)

BOUNCED = available(21, status="Preparing", previous_status="Available")
"""It was plugged in, taken out and plugged in again."""

NO_CAR = ended("Timeout", remote_start_id=frame().id)


@pytest.mark.parametrize(
    ("known", "now_s", "expected"),
    [
        pytest.param(facts(connectors=(available(),)), 24, "WAIT", id="it may bounce"),
        pytest.param(facts(connectors=(available(),)), 25, "CABLE_WAIT_ENDED", id="it is out"),
        pytest.param(facts(connectors=(BOUNCED,)), 30, "WAIT", id="it has bounced"),
        pytest.param(
            facts(session(), connectors=(BOUNCED,)), 22, "SESSION_STARTED", id="and charges"
        ),
        pytest.param(
            facts(session(), connectors=(available(),)), 22, "SESSION_STARTED", id="in one breath"
        ),
        pytest.param(facts(connectors=(available(75),)), 79, "WAIT", id="out at the deadline"),
        pytest.param(facts(NO_CAR), 24, "WAIT", id="no car, for a moment"),
        pytest.param(facts(NO_CAR), 25, "CABLE_WAIT_ENDED", id="no car"),
        pytest.param(
            facts(NO_CAR, session(name="next", remote_start_id=frame().id, received_time=at(22))),
            23,
            "SESSION_STARTED",
            id="the session is begun anew",
        ),
    ],
)
def test_a_plug_that_bounces_is_no_end_of_the_wait(
    known: Facts, now_s: float, expected: str
) -> None:
    assert judged(answered(start()), known, now_s) == expected


@pytest.mark.parametrize(
    ("known", "now_s", "expected"),
    [
        pytest.param(
            facts(ended("Timeout", has_charged=True)),
            30,
            "SESSION_STARTED_AND_ENDED",
            id="it charged, whatever ended it",
        ),
        pytest.param(
            facts(ended("DeAuthorized", has_charged=True)),
            30,
            "SESSION_STARTED_AND_ENDED",
            id="it charged before its token was refused",
        ),
        pytest.param(
            facts(ended("DeAuthorized", has_charged=True, token_state=TokenState.REFUSED)),
            30,
            "AUTHORIZATION_REFUSED",
            id="it charged a little on a token that we refused",
        ),
    ],
)
def test_what_has_charged_began(known: Facts, now_s: float, expected: str) -> None:
    assert judged(answered(start()), known, now_s) == expected
