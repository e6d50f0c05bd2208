"""What looks like a restart and may be something else: statuses told anew, boots told late."""

import pytest

from domain.evidence.restart import ConnectorReport
from tests.unit.domain.commands.test_reset import (
    AGREED,
    ANEW,
    CAME_BACK,
    PLACE,
    RAN,
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


@pytest.mark.parametrize(("back_s", "expected"), [(0.5, "WAIT"), (1.5, "EVSE_RESTARTED")])
def test_an_evse_that_was_back_before_the_station_agreed_shows_no_restart_of_ours(
    back_s: float, expected: str
) -> None:
    assert said(PLACE, place(reported(back_s)), 10) == expected


@pytest.mark.parametrize(
    ("reason", "at_s", "expected"),
    [
        pytest.param("EVDisconnected", 5, "RESTART_NOT_CONFIRMED", id="he took the plug out"),
        pytest.param("Local", 5, "RESTART_NOT_CONFIRMED", id="he showed his card"),
        pytest.param("EVDisconnected", 0.5, "EVSE_RESTARTED", id="before the answer"),
        pytest.param("ImmediateReset", 5, "EVSE_RESTARTED", id="the reset ended it"),
    ],
)
def test_a_status_that_is_told_anew_when_a_driver_has_left_shows_no_restart_of_one_evse(
    reason: str, at_s: float, expected: str
) -> None:
    over = place(ANEW, running=(ended(reason, at_s, **RAN),))
    assert said(PLACE, over, 601) == expected


@pytest.mark.parametrize(
    ("reason", "expected"), [("", "RESTART_NOT_CONFIRMED"), ("RemoteReset", "STATION_RESTARTED")]
)
def test_a_boot_that_may_be_from_before_the_station_connected_proves_no_restart(
    reason: str, expected: str
) -> None:
    late = {"boot_is_newer": False, "boot_may_be_late": True, "same_socket": True}
    assert said(AGREED, restart(**late, boot_reason=reason), 601) == expected
