"""Frames that no station should send, and what each version says to them.

An answer is written as (message id, CALLERROR code). None: nothing is sent. "closed": the socket is
closed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from station_gateway.session.frames import FrameLimits

Said = tuple[str | int, str] | str | None

UNREADABLE: tuple[Said, Said] = (None, ("-1", "RpcFrameworkError"))
NO_TYPE: tuple[Said, Said] = (None, ("m", "MessageTypeNotSupported"))
SHAPE: tuple[Said, Said] = (("m", "FormationViolation"), ("m", "RpcFrameworkError"))
FORMAT: tuple[Said, Said] = (("m", "FormationViolation"), ("m", "FormatViolation"))
UNKNOWN: tuple[Said, Said] = (("m", "NotImplemented"),) * 2
UNSUPPORTED: tuple[Said, Said] = (("m", "NotSupported"),) * 2
MISSING: tuple[Said, Said] = (("m", "ProtocolError"), ("m", "OccurrenceConstraintViolation"))
COUNT: tuple[Said, Said] = (
    ("m", "OccurenceConstraintViolation"),
    ("m", "OccurrenceConstraintViolation"),
)
TYPE: tuple[Said, Said] = (("m", "TypeConstraintViolation"),) * 2
NOTHING: tuple[Said, Said] = (None, None)
CLOSED: tuple[Said, Said] = ("closed", "closed")


@dataclass(frozen=True)
class Malformed:
    """One frame. `versions`: where it is malformed."""

    name: str
    data: str | bytes
    said: tuple[Said, Said]
    versions: tuple[str, ...] = ("1.6", "2.0.1", "2.1")


NESTED = "[" * 40 + "]" * 40
NESTED_OBJECTS = '{"a":' * 40 + "1" + "}" * 40
LARGE = FrameLimits().frame_bytes

TEXTS: dict[str, tuple[str | bytes, tuple[Said, Said]]] = {
    "empty text": ("", UNREADABLE),
    "white space": ("  \n", UNREADABLE),
    "no JSON": ("hello", UNREADABLE),
    "half a frame without an id": ("[2,", UNREADABLE),
    "half an id": ('[2,"m', UNREADABLE),
    "a lone quote": ('"', UNREADABLE),
    "XML": ("<xml/>", UNREADABLE),
    "byte order mark": ('\ufeff[2,"m","Heartbeat",{}]', UNREADABLE),
    "NUL": ("\x00", UNREADABLE),
    "lone surrogate in the id": ('[2,"\ud800","Heartbeat",{}]', UNREADABLE),
    "escaped lone surrogate in the id": ('[2,"\\ud800","Heartbeat",{}]', UNREADABLE),
    "control character in the id": ('[2,"a\x01","Heartbeat",{}]', UNREADABLE),
    "half a frame": ('[2,"m","Heartbeat",{', FORMAT),
    "half a frame with spaces": (' [ 2 , "m" , "Heartbeat"', FORMAT),
    "text behind the frame": ('[2,"m","Heartbeat",{}] x', FORMAT),
    "two frames": ('[2,"m","Heartbeat",{}][2,"n","Heartbeat",{}]', FORMAT),
    "trailing comma": ('[2,"m","Heartbeat",{},]', FORMAT),
    "single quotes": ("[2,\"m\",'Heartbeat',{}]", FORMAT),
    "comment": ('[2,"m","Heartbeat",{}/**/]', FORMAT),
    "NaN": ('[2,"m","Heartbeat",{"a":NaN}]', FORMAT),
    "Infinity": ('[2,"m","Heartbeat",{"a":Infinity}]', FORMAT),
    "number beyond double": ('[2,"m","Heartbeat",{"a":1e999}]', FORMAT),
    "leading zero": ('[2,"m","Heartbeat",{"a":007}]', FORMAT),
    "control character": ('[2,"m","Heartbeat",{"a":"\x01"}]', FORMAT),
    "lone surrogate": ('[2,"m","Heartbeat",{"a":"\ud800"}]', FORMAT),
    "escaped lone surrogate": ('[2,"m","Heartbeat",{"a":"\\ud800"}]', FORMAT),
    "unquoted key": ('[2,"m","Heartbeat",{a:1}]', FORMAT),
    "duplicate keys": ('[2,"m","Heartbeat",{"a":1,"a":2}]', FORMAT),
    "duplicate keys inside": ('[2,"m","Heartbeat",{"a":{"b":1, "b":2}}]', FORMAT),
    "duplicate keys with spaces": ('[2, "m", "Heartbeat", {"a":1, "a":2}]', FORMAT),
    "duplicate keys and umlauts": ('[2,"m","Heartbeat",{"ä":1,"ä":2}]', FORMAT),
    "duplicate keys by escape": ('[2,"m","Heartbeat",{"a":1,"\\u0061":2}]', FORMAT),
    "deep arrays": (f'[2,"m","Heartbeat",{{"a":{NESTED}}}]', FORMAT),
    "deep objects": (f'[2,"m","Heartbeat",{NESTED_OBJECTS}]', FORMAT),
    "deep payload": (f'[2,"m","Heartbeat",{NESTED}]', FORMAT),
    "absurdly deep": ('[2,"m","Heartbeat",' + "[" * 100_000, FORMAT),
    "absurdly deep without an id": ("[" * 100_000, UNREADABLE),
    "binary frame": (b'[2,"m","Heartbeat",{}]', FORMAT),
    "binary rubbish": (b"\xff\xfe\x00", UNREADABLE),
    "bad UTF-8": (b'[2,"m","Heartbeat",{"a":"\xff"}]', FORMAT),
    "oversize": ('[2,"m","Heartbeat",{"a":"' + "x" * LARGE + '"}]', CLOSED),
    "oversize in bytes only": ('[2,"m","Heartbeat",{"a":"' + "ä" * (LARGE - 40) + '"}]', CLOSED),
    "oversize binary": (b"x" * (LARGE + 1), CLOSED),
    "ten MiB": ("x" * 10 * 2**20, CLOSED),
}

SHAPES: dict[str, tuple[Any, tuple[Said, Said]]] = {
    "an object": ({}, UNREADABLE),
    "a string": ("m", UNREADABLE),
    "a number": (2, UNREADABLE),
    "null": (None, UNREADABLE),
    "true": (True, UNREADABLE),
    "no elements": ([], UNREADABLE),
    "a frame in a frame": ([[2, "m", "Heartbeat", {}]], UNREADABLE),
    "type only": ([2], UNREADABLE),
    "unknown type only": ([9], UNREADABLE),
    "id null": ([2, None, "Heartbeat", {}], UNREADABLE),
    "id true": ([2, True, "Heartbeat", {}], UNREADABLE),
    "id float": ([2, 1.5, "Heartbeat", {}], UNREADABLE),
    "id empty": ([2, "", "Heartbeat", {}], UNREADABLE),
    "id object": ([2, {}, "Heartbeat", {}], UNREADABLE),
    "id list": ([2, ["m"], "Heartbeat", {}], UNREADABLE),
    "id too long": ([2, "m" * 65, "Heartbeat", {}], UNREADABLE),
    "type 0": ([0, "m", "Heartbeat", {}], NO_TYPE),
    "type 1": ([1, "m", "Heartbeat", {}], NO_TYPE),
    "type 7": ([7, "m"], NO_TYPE),
    "type 9": ([9, "m", "Heartbeat", {}], NO_TYPE),
    "type -2": ([-2, "m", "Heartbeat", {}], NO_TYPE),
    "type 2.0": ([2.5, "m", "Heartbeat", {}], NO_TYPE),
    "type as text": (["2", "m", "Heartbeat", {}], NO_TYPE),
    "type null": ([None, "m", "Heartbeat", {}], NO_TYPE),
    "type true": ([True, "m", "Heartbeat", {}], NO_TYPE),
    "type huge": ([2**63, "m", "Heartbeat", {}], NO_TYPE),
    "no action": ([2, "m"], SHAPE),
    "no payload": ([2, "m", "Heartbeat"], SHAPE),
    "one element too many": ([2, "m", "Heartbeat", {}, {}], SHAPE),
    "action null": ([2, "m", None, {}], SHAPE),
    "action number": ([2, "m", 7, {}], SHAPE),
    "action object": ([2, "m", {}, {}], SHAPE),
    "action too long": ([2, "m", "A" * 65, {}], SHAPE),
    "payload before action": ([2, "m", {}, "Heartbeat"], SHAPE),
    "payload null": ([2, "m", "Heartbeat", None], FORMAT),
    "payload list": ([2, "m", "Heartbeat", []], FORMAT),
    "payload text": ([2, "m", "Heartbeat", "{}"], FORMAT),
    "payload number": ([2, "m", "Heartbeat", 0], FORMAT),
    "payload true": ([2, "m", "Heartbeat", True], FORMAT),
    "action empty": ([2, "m", "", {}], UNKNOWN),
    "action unknown": ([2, "m", "MakeCoffee", {}], UNKNOWN),
    "action in lower case": ([2, "m", "heartbeat", {}], UNKNOWN),
    "action with a blank": ([2, "m", "Heartbeat ", {}], UNKNOWN),
    "action with the schema's suffix": ([2, "m", "HeartbeatRequest", {}], UNKNOWN),
    "name of a response": ([2, "m", "HeartbeatResponse", {}], UNKNOWN),
    "action as a path": ([2, "m", "../../v21/schemas/Heartbeat", {}], UNKNOWN),
    "action as a Python name": ([2, "m", "__class__", {}], UNKNOWN),
    "action of the other side": ([2, "m", "TriggerMessage", {}], UNSUPPORTED),
    "another one of the other side": ([2, "m", "Reset", {"type": "Hard"}], UNSUPPORTED),
    "certificate for the other side": ([2, "m", "DeleteCertificate", {}], UNSUPPORTED),
    "answer to nothing": ([3, "m", {}], NOTHING),
    "answer to nothing without payload": ([3, "m"], NOTHING),
    "answer to nothing with a list": ([3, "m", []], NOTHING),
    "error answer to nothing": ([4, "m", "GenericError", "", {}], NOTHING),
    "error answer without code": ([4, "m"], NOTHING),
    "error answer to -1": ([4, "-1", "RpcFrameworkError", "", {}], NOTHING),
    "answer without an id": ([3], NOTHING),
}

OF_2_1_ELSEWHERE: dict[str, Any] = {
    "type 5": [5, "m", "GenericError", "", {}],
    "type 6": [6, "m", "Heartbeat", {}],
}
"""Older versions do not know these types."""

OF_2_1: dict[str, Any] = {
    "SEND without an id": [6],
    "SEND with an empty id": [6, "", "NotifyPeriodicEventStream", {}],
    "SEND without action": [6, "m"],
    "SEND without payload": [6, "m", "NotifyPeriodicEventStream"],
    "SEND with a list": [6, "m", "NotifyPeriodicEventStream", []],
    "SEND of an empty stream": [6, "m", "NotifyPeriodicEventStream", {}],
    "SEND of an unknown action": [6, "m", "MakeCoffee", {}],
    "SEND of what wants an answer": [6, "m", "Heartbeat", {}],
    "SEND of what is ours to say": [6, "m", "Reset", {"type": "Immediate"}],
    "refused answer without an id": [5],
}
"""Never answered: these types take no answer."""

REQUIRED: dict[str, dict[str, Any]] = {
    "1.6": {
        "BootNotification": {"chargePointVendor": "V", "chargePointModel": "M"},
        "StatusNotification": {"connectorId": 1, "errorCode": "NoError", "status": "Available"},
        "Authorize": {"idTag": "T"},
        "StartTransaction": {
            "connectorId": 1,
            "idTag": "T",
            "meterStart": 0,
            "timestamp": "2026-01-01T00:00:00Z",
        },
        "StopTransaction": {
            "meterStop": 1,
            "timestamp": "2026-01-01T00:00:00Z",
            "transactionId": 1,
        },
        "MeterValues": {
            "connectorId": 1,
            "meterValue": [{"timestamp": "2026-01-01T00:00:00Z", "sampledValue": [{"value": "1"}]}],
        },
        "DataTransfer": {"vendorId": "V"},
        "FirmwareStatusNotification": {"status": "Idle"},
        "DiagnosticsStatusNotification": {"status": "Idle"},
        "LogStatusNotification": {"status": "Idle"},
        "SignCertificate": {"csr": "C"},
        "SignedFirmwareStatusNotification": {"status": "Idle"},
        "SecurityEventNotification": {"type": "T", "timestamp": "2026-01-01T00:00:00Z"},
    },
    "2.0.1": {
        "BootNotification": {
            "reason": "PowerUp",
            "chargingStation": {"model": "M", "vendorName": "V"},
        },
        "StatusNotification": {
            "timestamp": "2026-01-01T00:00:00Z",
            "connectorStatus": "Available",
            "evseId": 1,
            "connectorId": 1,
        },
        "Authorize": {"idToken": {"idToken": "T", "type": "ISO14443"}},
        "TransactionEvent": {
            "eventType": "Started",
            "timestamp": "2026-01-01T00:00:00Z",
            "triggerReason": "RemoteStart",
            "seqNo": 0,
            "transactionInfo": {"transactionId": "t"},
        },
        "MeterValues": {
            "evseId": 1,
            "meterValue": [{"timestamp": "2026-01-01T00:00:00Z", "sampledValue": [{"value": 1}]}],
        },
        "DataTransfer": {"vendorId": "V"},
        "FirmwareStatusNotification": {"status": "Idle"},
        "LogStatusNotification": {"status": "Idle"},
        "SignCertificate": {"csr": "C"},
        "SecurityEventNotification": {"type": "T", "timestamp": "2026-01-01T00:00:00Z"},
        "NotifyReport": {"requestId": 1, "generatedAt": "2026-01-01T00:00:00Z", "seqNo": 0},
        "NotifyEvent": {
            "generatedAt": "2026-01-01T00:00:00Z",
            "seqNo": 0,
            "eventData": [
                {
                    "eventId": 1,
                    "timestamp": "2026-01-01T00:00:00Z",
                    "trigger": "Alerting",
                    "actualValue": "1",
                    "eventNotificationType": "HardWiredMonitor",
                    "component": {"name": "C"},
                    "variable": {"name": "V"},
                }
            ],
        },
        "ReservationStatusUpdate": {"reservationId": 1, "reservationUpdateStatus": "Expired"},
    },
}
REQUIRED["2.1"] = REQUIRED["2.0.1"] | {
    "ClosePeriodicEventStream": {"id": 1},
    "NotifyDERAlarm": {"controlType": "VoltVar", "timestamp": "2026-01-01T00:00:00Z"},
    "NotifyDERStartStop": {
        "controlId": "c",
        "started": True,
        "timestamp": "2026-01-01T00:00:00Z",
    },
    "NotifyPriorityCharging": {"transactionId": "t", "activated": True},
    "NotifyWebPaymentStarted": {"evseId": 1, "timeout": 60},
    "OpenPeriodicEventStream": {
        "constantStreamData": {"id": 1, "variableMonitoringId": 1, "params": {}}
    },
    "PullDynamicScheduleUpdate": {"chargingProfileId": 1},
    "ReportDERControl": {"requestId": 1},
}
"""The smallest payload of every message that has required fields."""

_WRONG: tuple[Any, ...] = ({"x": {}}, ["x"], True)


def every_case() -> Iterator[Malformed]:
    """All of them, broken texts first."""
    for name, (data, said) in TEXTS.items():
        yield Malformed(name, data, said)
    for name, (frame, said) in SHAPES.items():
        yield Malformed(name, orjson.dumps(frame).decode(), said)
    for name, frame in OF_2_1_ELSEWHERE.items():
        yield Malformed(name, orjson.dumps(frame).decode(), NO_TYPE, ("1.6", "2.0.1"))
    for name, frame in OF_2_1.items():
        yield Malformed(name, orjson.dumps(frame).decode(), NOTHING, ("2.1",))
    for version, messages in REQUIRED.items():
        for action, payload in messages.items():
            yield from _payload_cases(version, action, payload)


def _payload_cases(version: str, action: str, payload: dict[str, Any]) -> Iterator[Malformed]:
    yield _call(version, action, "empty", {}, MISSING)
    for key, value in payload.items():
        without = {other: payload[other] for other in payload if other != key}
        yield _call(version, action, f"without {key}", without, MISSING)
        yield _call(version, action, f"{key} null", payload | {key: None}, MISSING)
        for wrong in _WRONG:
            if type(wrong) is not type(value):
                yield _call(version, action, f"{key} {wrong}", payload | {key: wrong}, TYPE)
        if isinstance(value, list):
            yield _call(version, action, f"{key} empty", payload | {key: []}, COUNT)


def _call(version: str, action: str, what: str, payload: Any, said: tuple[Said, Said]) -> Malformed:
    data = orjson.dumps([2, "m", action, payload]).decode()
    return Malformed(f"{version} {action} {what}", data, said, (version,))
