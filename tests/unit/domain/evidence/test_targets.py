"""Whether the end of a session stands, and which sessions a target means."""

from datetime import datetime, timedelta

import pytest

from domain.evidence.sessions import Session
from domain.evidence.targets import has_settled, stands_in
from domain.limits import UNREPORTED_END_SETTLING
from tests.unit.domain.situations import at, ended, session

TOLD = at(20)
INFERRED = ended(reason="", stop_time=None, end_reported=False)
MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("of", "now", "stands"),
    [
        pytest.param(ended(), TOLD, True, id="reported"),
        pytest.param(INFERRED, TOLD, False, id="just inferred"),
        pytest.param(INFERRED, TOLD + UNREPORTED_END_SETTLING - MOMENT, False, id="almost"),
        pytest.param(INFERRED, TOLD + UNREPORTED_END_SETTLING, True, id="settled"),
        pytest.param(ended(end_reported=False, stop_received_time=None), TOLD, True, id="no time"),
        pytest.param(session(), TOLD, False, id="running"),
    ],
)
def test_an_end_that_nobody_reported_stands_after_a_while(
    of: Session, now: datetime, stands: bool
) -> None:
    assert has_settled(of, now) is stands


RAN = ended(
    name="ran",
    reason="",
    stop_time=None,
    end_reported=False,
    start_time=at(-60),
    received_time=at(-60),
)
LATER = session(name="later", start_time=at(21), received_time=at(21), token_digest="other")


@pytest.mark.parametrize(
    ("running", "fitting", "counts"),
    [
        pytest.param((), (), True, id="nothing runs"),
        pytest.param((LATER,), (LATER,), False, id="one that fits runs on the plug"),
        pytest.param((LATER,), (), False, id="a later one of another token runs on the plug"),
        pytest.param(
            (session(name="old", start_time=at(-99), received_time=at(21)),),
            (),
            True,
            id="an older one on the plug",
        ),
        pytest.param(
            (session(name="m", received_time=at(21), observed_only=True),),
            (),
            True,
            id="one that was only metered on the plug",
        ),
        pytest.param(
            (session(name="far", evse_id=2, received_time=at(21)),) * 2,
            (session(name="far", evse_id=2, received_time=at(21)),),
            True,
            id="one that fits on another plug",
        ),
    ],
)
def test_a_session_that_may_go_on_gives_way_to_a_running_one_on_its_plug(
    running: tuple[Session, ...], fitting: tuple[Session, ...], counts: bool
) -> None:
    assert stands_in(RAN, running, fitting) is counts


def test_a_session_without_a_plug_gives_way_to_none() -> None:
    of_station = session(name="w", evse_id=None)
    nowhere = ended(end_reported=False, evse_id=None)
    assert stands_in(nowhere, (of_station,), (of_station,))
