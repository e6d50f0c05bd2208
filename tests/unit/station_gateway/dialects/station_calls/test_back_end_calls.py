"""What another back end asks of a station is read where it would be taken for something of ours."""

from typing import Any

import pytest

from station_gateway.dialects.messages import TokenSeen
from station_gateway.dialects.station_calls.back_end_calls import (
    StartAsked,
    asks_to_boot,
    may_move_away,
    may_start,
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
        ("", True),
        ("SendLocalList", False),
    ],
)
def test_a_call_that_nobody_can_read_may_be_a_start_by_its_action(action: str, may: bool) -> None:
    assert may_start(action) is may
