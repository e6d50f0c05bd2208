"""NotifyEvent of OCPP 2.x, which some stations send in place of StatusNotification."""

from datetime import UTC, datetime
from typing import Any

import pytest

from station_gateway.dialects import fields, v21, v201
from station_gateway.dialects.interface import Dialect
from station_gateway.dialects.messages import AvailabilitySeen, StationCall

TIME = "2026-01-01T08:00:00Z"
POWER = "Power.Active.Import"


def read_call(dialect: Dialect, action: str, payload: dict[str, Any]) -> StationCall:
    return dialect.read_call(action, payload, datetime(2026, 1, 1, 8, 0, 5, tzinfo=UTC))


def availability(evse: dict[str, Any], value: str, **changed: Any) -> dict[str, Any]:
    """One event of a NotifyEvent."""
    return {
        "eventId": 1,
        "timestamp": TIME,
        "trigger": "Delta",
        "actualValue": value,
        "eventNotificationType": "PreconfiguredMonitor",
        "component": {"name": "Connector", "evse": evse},
        "variable": {"name": "AvailabilityState"},
        **changed,
    }


def notify(*events: dict[str, Any]) -> dict[str, Any]:
    return {"generatedAt": TIME, "seqNo": 0, "eventData": list(events)}


@pytest.mark.parametrize("dialect", [v201, v21])
def test_a_notify_event_tells_the_state_of_connectors(dialect: Dialect) -> None:
    first, second = {"id": 1, "connectorId": 2}, {"id": 2}
    told = read_call(
        dialect,
        "NotifyEvent",
        notify(
            availability(first, "Available"),
            availability(first, "Occupied"),
            availability(second, "Reserved", component={"name": "EVSE", "evse": second}),
            availability({"id": 3}, "Singing"),
            availability({"id": 0}, "Occupied"),
            availability({"id": 4}, "Occupied", variable={"name": "Power"}),
            availability({"id": 4}, "Occupied", component={"name": "Cover", "evse": {"id": 4}}),
        ),
    )
    assert isinstance(told, AvailabilitySeen)
    places = [(each.evse_id, each.connector_id, each.status) for each in told.connectors]
    assert places == [(1, 2, "Occupied"), (2, 1, "Reserved")]


def test_a_notify_event_tells_of_so_many_connectors_at_most() -> None:
    events = [availability({"id": number}, "Occupied") for number in range(1, 40)]
    told = read_call(v21, "NotifyEvent", notify(*events))
    assert isinstance(told, AvailabilitySeen)
    assert len(told.connectors) == 16


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([], None),
        ([{"value": "7"}], None),
        ([{"value": "7", "measurand": POWER}], 7.0),
        ([{"value": "7", "measurand": POWER, "unit": "kW"}], 7_000.0),
        ([{"value": 7, "measurand": POWER, "unitOfMeasure": {"unit": "kW"}}], 7_000.0),
        ([{"value": "7", "measurand": POWER, "location": "Inlet"}], 7.0),
        ([{"value": "7", "measurand": POWER, "location": "EV"}], None),
        ([{"value": "much", "measurand": POWER}], None),
        (
            [
                {"value": "3", "measurand": POWER, "phase": "L1"},
                {"value": "4", "measurand": POWER, "phase": "L2"},
            ],
            7.0,
        ),
        (
            [
                {"value": "3", "measurand": POWER, "phase": "L1"},
                {"value": "9", "measurand": POWER},
            ],
            9.0,
        ),
    ],
)
def test_the_power_of_a_meter_value_is_read(
    samples: list[dict[str, Any]], expected: float | None
) -> None:
    assert fields.power_w({"sampledValue": samples}) == expected
