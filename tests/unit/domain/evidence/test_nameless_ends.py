"""Which of several sessions an end without an id is about, by its meter or by its reason."""

from typing import Any

import pytest

from domain.evidence.plugs import ToldEnd, ended_remotely, meant_by_stop
from domain.evidence.sessions import Session
from tests.unit.domain.situations import at, session


def running_session(**changed: Any) -> Session:
    """Reported at 1000, and began then, on EVSE 1."""
    known = {"name": "running", "start_time": at(1_000), "received_time": at(1_000)}
    return session(**known | changed)


@pytest.mark.parametrize(
    ("began_wh", "meter_stop_wh", "expected"),
    [
        pytest.param((1_000, 2_000), 1_010, "0", id="the other one began beyond it"),
        pytest.param((9_000, 2_000, 8_000), 2_010, "1", id="all the others did"),
        pytest.param((1_000, 2_000), 2_010, None, id="either may have charged so much"),
        pytest.param((1_000, 2_000), 900, None, id="neither"),
        pytest.param((1_000, 2_000), None, None, id="no meter is told"),
        pytest.param((1_000, None), 1_010, None, id="no meter was told at the other's begin"),
        pytest.param((None, 2_000), 1_010, None, id="nor at its own"),
        pytest.param((0, 2_000), 0, None, id="a station that always tells 0"),
        pytest.param((1_000, 2_000), 2_000, None, id="the other one may have got nothing"),
    ],
)
def test_of_several_sessions_an_end_without_an_id_is_of_the_one_that_its_meter_fits(
    began_wh: tuple[int | None, ...], meter_stop_wh: int | None, expected: str | None
) -> None:
    running = [running_session(name=str(n), meter_start_wh=wh) for n, wh in enumerate(began_wh)]
    told = ToldEnd(at(2_000), False, None, meter_stop_wh)
    meant = meant_by_stop(told, running, [], at(2_003), clock_known=True)
    assert (meant.name if meant else None) == expected


def test_a_meter_chooses_no_session_that_began_after_the_end() -> None:
    running = [
        running_session(name="low", meter_start_wh=1),
        running_session(name="high", meter_start_wh=9),
    ]
    told = ToldEnd(at(340), False, None, 5)
    assert meant_by_stop(told, running, [], at(2_003), clock_known=True) is None


@pytest.mark.parametrize(
    ("told", "stopped", "expected"),
    [
        pytest.param({}, [running_session()], "running", id="the only one"),
        pytest.param({}, [], None, id="none was told to stop"),
        pytest.param({}, [running_session(), running_session()], None, id="either of two"),
        pytest.param({"time": at(999)}, [running_session()], None, id="it began after the end"),
        pytest.param({"suspect": True}, [running_session()], None, id="the end may be an old one"),
        pytest.param(
            {}, [running_session(clock_suspect=True)], None, id="the end may be from before it"
        ),
        pytest.param({}, [running_session(meter_start_wh=9)], None, id="its register stood higher"),
    ],
)
def test_a_remote_end_without_an_id_is_of_the_session_that_we_told_to_stop(
    told: dict[str, Any], stopped: list[Session], expected: str | None
) -> None:
    known: dict[str, Any] = {"time": at(2_000), "suspect": False, "token_digest": "x"}
    end = ToldEnd(**known | {"meter_stop_wh": 5} | told)
    found = ended_remotely(end, stopped)
    assert (found.name if found else None) == expected
