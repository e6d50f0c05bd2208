"""What another back end asks of a station is read where it would be taken for something of ours."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.model.specs import Kind
from station_gateway.dialects.messages import TokenSeen
from station_gateway.dialects.station_calls.back_end_calls import (
    ACTIONS,
    CommandAsked,
    StartAsked,
    asks_to_boot,
    command_asked,
    is_start,
    may_command,
    may_move_away,
    start_asked,
)

TAG, TYPED = TokenSeen("TAG1"), TokenSeen("TAG1", "Central")
TOKEN = {"idToken": "TAG1", "type": "Central"}


@pytest.mark.parametrize(
    ("action", "payload", "asked"),
    [
        ("RemoteStartTransaction", {"idTag": "TAG1"}, StartAsked(TAG)),
        ("RemoteStartTransaction", {"idTag": "TAG1", "connectorId": 2}, StartAsked(TAG, None, 2)),
        ("RemoteStartTransaction", {"idTag": "TAG1", "connectorId": "2"}, StartAsked(TAG)),
        ("RemoteStartTransaction", {"idTag": ""}, None),
        ("RemoteStartTransaction", {"idTag": 7}, None),
        ("RemoteStartTransaction", {}, None),
        ("RequestStartTransaction", {"idToken": TOKEN}, StartAsked(TYPED)),
        (
            "RequestStartTransaction",
            {"idToken": TOKEN, "groupIdToken": TOKEN, "evseId": 1, "remoteStartId": 9},
            StartAsked(TYPED, TYPED, 1, 9),
        ),
        ("RequestStartTransaction", {"idToken": {"idToken": "TAG1", "type": 1}}, StartAsked(TAG)),
        ("RequestStartTransaction", {"idToken": "TAG1"}, None),
        ("RequestStopTransaction", {"idToken": TOKEN}, None),
    ],
)
def test_a_start(action: str, payload: dict[str, Any], asked: StartAsked | None) -> None:
    assert start_asked(action, payload) == asked


@pytest.mark.parametrize(
    ("action", "message", "asks"),
    [
        ("TriggerMessage", "BootNotification", True),
        ("TriggerMessage", "Heartbeat", False),
        ("TriggerMessage", None, False),
        ("Reset", "BootNotification", False),
    ],
)
def test_a_boot_on_request(action: str, message: str | None, asks: bool) -> None:
    assert asks_to_boot(action, {"requestedMessage": message}) is asks


@pytest.mark.parametrize(
    ("action", "payload", "moves"),
    [
        ("UpdateFirmware", {}, True),
        ("SetNetworkProfile", {}, True),
        ("ChangeConfiguration", {"key": "CentralSystemURL", "value": "x"}, True),
        ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "5"}, False),
        ("ChangeConfiguration", {"key": 7}, False),
        ("SetVariables", {"setVariableData": [{"variable": {"name": "CsmsUrl"}}]}, True),
        (
            "SetVariables",
            {"setVariableData": [{"variable": {"name": "NetworkConfigurationPriority"}}]},
            True,
        ),
        ("SetVariables", {"setVariableData": [{"variable": {"name": "Enabled"}}]}, False),
        ("SetVariables", {"setVariableData": [7, {"variable": 7}]}, False),
        ("SetVariables", {"setVariableData": {}}, False),
        ("Reset", {"key": "url"}, False),
    ],
)
def test_what_may_have_a_station_connect_past_us(
    action: str, payload: dict[str, Any], moves: bool
) -> None:
    assert may_move_away(action, payload) is moves


@pytest.mark.parametrize(
    ("action", "may"),
    [
        ("RemoteStartTransaction", True),
        ("RequestStartTransaction", True),
        ("Reset", True),
        ("", True),
        ("SendLocalList", False),
    ],
)
def test_a_call_that_nobody_can_read_may_be_a_command_by_its_action(action: str, may: bool) -> None:
    assert may_command(action) is may


NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
EXPIRES = NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("action", "payload", "asked"),
    [
        ("Reset", {"type": "Hard"}, CommandAsked(Kind.RESET, mode="Hard")),
        ("Reset", {"type": "OnIdle", "evseId": 2}, CommandAsked(Kind.RESET, 2, "OnIdle")),
        ("Reset", {"type": 7}, CommandAsked(Kind.RESET)),
        (
            "RemoteStartTransaction",
            {"idTag": "TAG1", "connectorId": 2},
            CommandAsked(Kind.START_SESSION, 2),
        ),
        (
            "RemoteStopTransaction",
            {"transactionId": 77},
            CommandAsked(Kind.STOP_SESSION, named_id="77"),
        ),
        (
            "RequestStopTransaction",
            {"transactionId": "T-1\x00"},
            CommandAsked(Kind.STOP_SESSION, named_id="T-1\ufffd"),
        ),
        ("RemoteStopTransaction", {"transactionId": 1.5}, CommandAsked(Kind.STOP_SESSION)),
        ("UnlockConnector", {"connectorId": 1}, CommandAsked(Kind.UNLOCK_CONNECTOR, 1)),
        (
            "ReserveNow",
            {
                "connectorId": 1,
                "expiryDate": "2026-05-04T13:00:00Z",
                "idTag": "T",
                "reservationId": 5,
            },
            CommandAsked(Kind.RESERVE_NOW, 1, number=5, expire_time=EXPIRES),
        ),
        (
            "ReserveNow",
            {"id": 5, "evseId": 1, "expiryDateTime": "2026-05-04T13:00:00Z"},
            CommandAsked(Kind.RESERVE_NOW, 1, number=5, expire_time=EXPIRES),
        ),
        (
            "ReserveNow",
            {"id": 2**40, "expiryDateTime": "2099-05-04T13:00:00Z"},
            CommandAsked(Kind.RESERVE_NOW),
        ),
        ("ReserveNow", {"id": 5, "expiryDate": 7}, CommandAsked(Kind.RESERVE_NOW, number=5)),
        (
            "ReserveNow",
            {"id": 5, "expiryDate": "soon"},
            CommandAsked(Kind.RESERVE_NOW, number=5),
        ),
        (
            "CancelReservation",
            {"reservationId": 5},
            CommandAsked(Kind.CANCEL_RESERVATION, number=5),
        ),
        (
            "CancelReservation",
            {"reservationId": "5"},
            CommandAsked(Kind.CANCEL_RESERVATION, number=5),
        ),
        ("CancelReservation", {"reservationId": "x"}, CommandAsked(Kind.CANCEL_RESERVATION)),
        ("SendLocalList", {"type": "Hard"}, None),
    ],
)
def test_a_command_is_read_without_any_token(
    action: str, payload: dict[str, Any], asked: CommandAsked | None
) -> None:
    assert command_asked(action, payload, NOW) == asked


def test_every_command_has_an_action() -> None:
    assert set(ACTIONS.values()) == set(Kind)


@pytest.mark.parametrize(
    ("action", "starts"),
    [("RemoteStartTransaction", True), ("RequestStartTransaction", True), ("Reset", False)],
)
def test_a_start_is_one_by_its_action_whether_or_not_its_token_can_be_read(
    action: str, starts: bool
) -> None:
    assert is_start(action) is starts
