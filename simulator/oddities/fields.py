"""Odd fields of reports, by name: the report is true, and one field of it is not as OCPP says.

All of them were seen in the field. A change gets a payload of its own and returns it. `decisive` is
whether the report begins or ends a session: a back end that refuses it does not know that any more.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

Payload = dict[str, Any]
Change = Callable[[Payload], Any]

_HUGE = 2**63 - 1
_LONG = 39


@dataclass(frozen=True)
class OddField:
    """One odd field. event: the eventType of the TransactionEvent that has it; "": each."""

    action: str
    change: Change
    event: str = ""

    @property
    def versions(self) -> tuple[str, ...]:
        """The OCPP versions that have this message."""
        return ("2.0.1", "2.1") if self.action == "TransactionEvent" else ("1.6",)

    @property
    def decisive(self) -> bool:
        """Whether it is in a report that a session began or ended."""
        return self.action in {"StartTransaction", "StopTransaction"} or self.event in {
            "Started",
            "Ended",
        }

    def applies(self, action: str, payload: Any) -> bool:
        """Whether this message has the field."""
        if action != self.action or not isinstance(payload, dict):
            return False
        return self.event in {"", payload.get("eventType")}


def odd_payload(name: str, action: str, payload: Any) -> Any:
    """The payload with the odd field of this name; the same payload when the action has it not."""
    odd = ODD_FIELDS[name]
    return odd.change(deepcopy(payload)) if odd.applies(action, payload) else payload


def _without(key: str) -> Change:
    return lambda payload: {name: value for name, value in payload.items() if name != key}


def _with(key: str, value: Any) -> Change:
    return lambda payload: {**payload, key: value}


def _changed(key: str, change: Callable[[Any], Any]) -> Change:
    return lambda payload: {**payload, key: change(payload[key])} if key in payload else payload


def _inside(key: str, change: Change) -> Change:
    return _changed(key, lambda inner: change(inner) if isinstance(inner, dict) else inner)


def _renamed(key: str, new: str) -> Change:
    return lambda payload: {(new if name == key else name): v for name, v in payload.items()}


def _sample(value: Any) -> Change:
    moment = {"timestamp": "2026-03-02T08:00:00Z", "sampledValue": value}
    return _with("meterValue", [moment])


def _kilowatt_hours(wh: int) -> str:
    return f"{wh / 1000:.4f} kWh"


_V16_START: dict[str, Change] = {
    "start-without-timestamp": _without("timestamp"),
    "start-null-timestamp": _with("timestamp", None),
    "start-text-timestamp": _with("timestamp", "yesterday"),
    "start-number-timestamp": _with("timestamp", 1_772_438_400),
    "start-null-meter": _with("meterStart", None),
    "start-without-meter": _without("meterStart"),
    "start-text-meter": _changed("meterStart", str),
    "start-unit-meter": _changed("meterStart", _kilowatt_hours),
    "start-fraction-meter": _changed("meterStart", lambda wh: wh + 0.25),
    "start-comma-meter": _changed("meterStart", lambda wh: f"{wh},3"),
    "start-control-tag": _changed("idTag", lambda tag: f"{tag}\r\n"),
    "start-object-tag": _changed("idTag", lambda tag: {"idTag": tag}),
    "start-text-connector": _changed("connectorId", str),
    "start-list": lambda payload: [payload],
    "start-wrong-case": _renamed("connectorId", "connectorID"),
    "start-number-payload": lambda _payload: 7,
}

_V16_STOP: dict[str, Change] = {
    "stop-long-tag": _with("idTag", "TAG-OF-21-CHARACTERS-"),
    "stop-control-tag": _changed("idTag", lambda tag: f"{tag}\x01\x02"),
    "stop-null-tag": _with("idTag", None),
    "stop-null-meter": _with("meterStop", None),
    "stop-without-meter": _without("meterStop"),
    "stop-comma-meter": _changed("meterStop", lambda wh: f"{wh},3"),
    "stop-null-id": _with("transactionId", None),
    "stop-empty-id": _with("transactionId", ""),
    "stop-huge-id": _with("transactionId", _HUGE),
    "stop-without-id": _without("transactionId"),
    "stop-null-timestamp": _with("timestamp", None),
    "stop-without-timestamp": _without("timestamp"),
    "stop-object-data": _with("transactionData", {}),
    "stop-null-sample": _with(
        "transactionData",
        [{"timestamp": "2026-03-02T08:00:00Z", "sampledValue": [{"value": None}]}],
    ),
    "stop-wrong-reason": _with("reason", "local"),
    "stop-list": lambda payload: [payload],
}

_V16_METER: dict[str, Change] = {
    "meter-object": _changed("meterValue", lambda values: values[0]),
    "meter-empty-samples": _sample([]),
    "meter-null-sample": _sample([{"value": None}]),
    "meter-null-id": _with("transactionId", None),
}

_BEGIN: dict[str, Change] = {
    "event-empty-meter": _with("meterValue", []),
    "event-unit-meter": _sample([{"value": "12 Wh"}]),
    "event-null-seqno": _with("seqNo", None),
    "event-minus-seqno": _with("seqNo", -1),
    "event-without-timestamp": _without("timestamp"),
    "event-null-timestamp": _with("timestamp", None),
    "event-without-trigger": _without("triggerReason"),
    "event-without-token-type": _inside("idToken", _without("type")),
    "event-empty-additional-info": _inside("idToken", _with("additionalInfo", [])),
    "event-custom-data": _with("customData", {"x": 1}),
    "event-fraction-current": _with("cableMaxCurrent", 32.5),
    "event-minus-reservation": _with("reservationId", -1),
    "event-wrong-case": _changed("eventType", str.lower),
    "event-object-evse-as-list": _changed("evse", lambda evse: [evse]),
    "event-number-payload": lambda _payload: 7,
}

_END: dict[str, Change] = {
    "end-empty-meter": _with("meterValue", []),
    "end-null-seqno": _with("seqNo", None),
    "end-without-timestamp": _without("timestamp"),
    "end-without-trigger": _without("triggerReason"),
    "end-wrong-case": _changed("eventType", str.lower),
    "end-wrong-reason": _inside("transactionInfo", _with("stoppedReason", "remote")),
    "end-list": lambda payload: [payload],
}

_EACH: dict[str, Change] = {
    "event-long-id": _inside(
        "transactionInfo", _changed("transactionId", lambda name: str(name).ljust(_LONG, "x"))
    ),
}


def _named() -> dict[str, OddField]:
    v16 = {"StartTransaction": _V16_START, "StopTransaction": _V16_STOP, "MeterValues": _V16_METER}
    v2x = {"Started": _BEGIN, "Ended": _END, "": _EACH}
    named = {
        name: OddField(action, change)
        for action, changes in v16.items()
        for name, change in changes.items()
    }
    named |= {
        name: OddField("TransactionEvent", change, event)
        for event, changes in v2x.items()
        for name, change in changes.items()
    }
    return named


ODD_FIELDS: Mapping[str, OddField] = MappingProxyType(_named())

UNUSABLE = frozenset(
    {
        "start-object-tag",
        "start-list",
        "start-number-payload",
        "stop-list",
        "event-object-evse-as-list",
        "event-number-payload",
        "end-list",
    }
)
"""So odd that nobody needs to understand the report. That it came is known all the same."""
