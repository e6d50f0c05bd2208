"""What reports tell of a restart, beside the connection on which they come."""

import pytest

from domain.evidence.restart import ConnectorReport
from tests.unit.domain.commands.test_reset import (
    AGREED,
    ANEW,
    CAME_BACK,
    PLACE,
    place,
    reported,
    restart,
    said,
)
from tests.unit.domain.situations import at, ended


@pytest.mark.parametrize(
    ("report", "same_socket", "expected"),
    [
        pytest.param(ANEW, True, "EVSE_RESTARTED", id="told anew on the frame's socket"),
        pytest.param(ANEW, False, "WAIT", id="told anew on a later one"),
        pytest.param(CAME_BACK, True, "EVSE_RESTARTED", id="was down, on the frame's socket"),
        pytest.param(CAME_BACK, False, "EVSE_RESTARTED", id="was down, on a later one"),
    ],
)
def test_a_status_told_anew_shows_a_restart_only_on_the_socket_of_the_frame(
    report: ConnectorReport, same_socket: bool, expected: str
) -> None:
    """A station that connects again tells every status, whether something restarted or not."""
    lost = {} if same_socket else {"down_time": at(5), "connected_time": at(8)}
    assert said(PLACE, place(report, same_socket=same_socket, **lost), 10) == expected


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        pytest.param("EVDisconnected", "WAIT", id="the driver left"),
        pytest.param("", "WAIT", id="nobody knows"),
        pytest.param("ImmediateReset", "EVSE_RESTARTED", id="the reset ended it"),
    ],
)
def test_a_place_that_is_told_free_after_its_driver_left_has_not_restarted(
    reason: str, expected: str
) -> None:
    gone = ended(stop_received_time=at(7), stop_reason=reason)
    assert said(PLACE, place(ANEW, running=(gone,)), 30) == expected
    assert said(PLACE, place(CAME_BACK, running=(gone,)), 30) == "EVSE_RESTARTED"


@pytest.mark.parametrize(("back_s", "expected"), [(0.5, "WAIT"), (1.5, "EVSE_RESTARTED")])
def test_an_evse_that_was_back_before_the_station_agreed_shows_no_restart_of_ours(
    back_s: float, expected: str
) -> None:
    assert said(PLACE, place(reported(back_s)), 10) == expected


@pytest.mark.parametrize(
    ("reason", "before", "expected"),
    [
        pytest.param("", True, "STATION_RESTARTED", id="it had booted on that socket"),
        pytest.param("", False, "WAIT", id="the boot may be due to what opened the socket"),
        pytest.param("RemoteReset", False, "STATION_RESTARTED", id="it names the reset"),
    ],
)
def test_the_first_boot_of_the_frames_socket_proves_a_restart_only_by_its_reason(
    reason: str, before: bool, expected: str
) -> None:
    old_socket = {"boot_is_newer": False, "same_socket": True, "boot_reason": reason}
    known = restart(**old_socket, booted_before=before)
    assert said(AGREED, known, 22) == expected
