"""One session with both of its ends in the test's hands."""

import json
from typing import Any

from station_gateway.dialects import v16
from station_gateway.dialects.interface import Dialect
from station_gateway.session.engine import OcppSession, SessionLimits
from station_gateway.session.events import CallReceived, Event

HEARTBEAT: dict[str, Any] = {}
BOOT = {"chargePointVendor": "Vendor", "chargePointModel": "Model"}
METER = {
    "connectorId": 1,
    "transactionId": 5,
    "meterValue": [{"timestamp": "2026-01-01T00:00:00Z", "sampledValue": [{"value": "10"}]}],
}
STARTED = {
    "connectorId": 1,
    "idTag": "TAG",
    "meterStart": 0,
    "timestamp": "2026-01-01T00:00:00Z",
}


class Conversation:
    """Speaks as the station (`station_*`), and as the shell of the session (`we_*`)."""

    def __init__(self, dialect: Dialect = v16, limits: SessionLimits | None = None) -> None:
        self.session = OcppSession(dialect, limits or SessionLimits())
        self.now = 0.0

    def station_says(self, *frame: Any) -> list[Event]:
        return self.session.receive(json.dumps(frame, separators=(",", ":")), self.now)

    def station_calls(self, message_id: Any, action: str, payload: Any) -> list[Event]:
        return self.station_says(2, message_id, action, payload)

    def station_answers(self, message_id: Any, payload: Any) -> list[Event]:
        return self.station_says(3, message_id, payload)

    def we_ask(self, message_id: str = "ours", timeout_s: float = 30.0) -> None:
        self.session.call(
            message_id, "RemoteStartTransaction", {"idTag": "TAG"}, self.now, timeout_s
        )

    def time_passes(self, seconds: float) -> list[Event]:
        self.now += seconds
        return self.session.check_timeouts(self.now)

    def written(self) -> list[Any]:
        return [json.loads(frame) for frame in self.session.data_to_send()]


def in_hand(events: list[Event]) -> list[Any]:
    """Ids of the CALLs that the shell was given."""
    return [event.message_id for event in events if isinstance(event, CallReceived)]
