"""Odd reports of 2.x stations, and how they are taken.

Each case: action, payload, a field of the message, its value, and a mend that must be marked.
"""

from datetime import UTC, datetime

from station_gateway.dialects.mending.mends import MendKind
from tests.unit.station_gateway.malformed import REQUIRED
from tests.unit.station_gateway.odd_reports import OddReport, sample, without

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
EVENT = REQUIRED["2.0.1"]["TransactionEvent"]

OF_2: list[OddReport] = [
    ("TransactionEvent", EVENT | {"meterValue": []}, "meter_wh", None, MendKind.SAMPLES),
    ("TransactionEvent", EVENT | {"meterValue": sample("12 Wh")}, "meter_wh", 12, MendKind.METER),
    (
        "TransactionEvent",
        EVENT
        | {
            "meterValue": sample(1, unitOfMeasure={"unit": "kWh", "multiplier": 1}),
            "customData": {},
        },
        "meter_wh",
        10_000,
        None,
    ),
    ("TransactionEvent", EVENT | {"seqNo": None}, "seq_no", 0, MendKind.FIELD_ABSENT),
    ("TransactionEvent", EVENT | {"seqNo": -1}, "seq_no", 0, MendKind.NUMBER),
    (
        "TransactionEvent",
        EVENT | {"seqNo": None, "eventType": "ended"},
        "seq_no",
        int(NOW.timestamp()),
        MendKind.WORD,
    ),
    ("TransactionEvent", without(EVENT, "timestamp"), "seq_no", 0, MendKind.TIME),
    ("TransactionEvent", without(EVENT, "triggerReason"), "trigger", "", MendKind.FIELD_ABSENT),
    ("TransactionEvent", EVENT | {"idToken": {"idToken": "T"}}, "seq_no", 0, MendKind.FIELD_ABSENT),
    ("TransactionEvent", EVENT | {"idToken": "T"}, "seq_no", 0, MendKind.SHAPE),
    ("TransactionEvent", EVENT | {"idToken": {}}, "token", None, None),
    (
        "TransactionEvent",
        EVENT | {"idToken": {"idToken": "", "type": "Central", "x": None}, "seqNo": "1"},
        "token",
        None,
        MendKind.NUMBER,
    ),
    ("TransactionEvent", EVENT | {"customData": {}}, "seq_no", 0, None),
    ("TransactionEvent", EVENT | {"cableMaxCurrent": 32.5}, "seq_no", 0, None),
    ("TransactionEvent", EVENT | {"reservationId": -1}, "reservation_id", None, MendKind.NUMBER),
    ("TransactionEvent", EVENT | {"eventType": "started"}, "event_type", "Started", MendKind.WORD),
    (
        "TransactionEvent",
        EVENT | {"transactionInfo": {"transactionId": "T" * 39}},
        "ocpp_transaction_id",
        "T" * 39,
        MendKind.SESSION_ID,
    ),
    (
        "TransactionEvent",
        EVENT | {"transactionInfo": [{"transactionId": 5}]},
        "ocpp_transaction_id",
        "5",
        MendKind.SHAPE,
    ),
    (
        "TransactionEvent",
        without(EVENT, "transactionInfo") | {"transactionId": "t", "remoteStartId": 4},
        "remote_start_id",
        4,
        MendKind.SHAPE,
    ),
    (
        "TransactionEvent",
        EVENT | {"eventType": "Ended", "transactionInfo": None},
        "ocpp_transaction_id",
        "",
        MendKind.SESSION_ID,
    ),
    ("TransactionEvent", EVENT | {"evse": 2}, "evse_id", 2, MendKind.SHAPE),
    (
        "TransactionEvent",
        EVENT | {"evse": {"id": "2", "connectorId": "x"}},
        "evse_id",
        2,
        MendKind.NUMBER,
    ),
    ("TransactionEvent", EVENT | {"offline": "yes"}, "offline", False, MendKind.SHAPE),
    (
        "TransactionEvent",
        EVENT | {"offline": "TRUE", "seqNo": None},
        "offline",
        True,
        MendKind.SHAPE,
    ),
    (
        "TransactionEvent",
        EVENT | {"transactionInfo": {"transactionId": "t", "chargingState": "charging"}},
        "charging_state",
        "Charging",
        MendKind.WORD,
    ),
    (
        "StatusNotification",
        REQUIRED["2.1"]["StatusNotification"] | {"connectorStatus": "OCCUPIED"},
        "status",
        "Occupied",
        MendKind.WORD,
    ),
    ("MeterValues", {}, "evse_id", None, None),
    ("BootNotification", {"chargingStation": []}, "vendor", "", MendKind.FIELD_ABSENT),
    (
        "ReservationStatusUpdate",
        {"reservationId": "1", "reservationUpdateStatus": "expired"},
        "status",
        "Expired",
        MendKind.WORD,
    ),
    ("Authorize", {"idToken": "T", "certificate": "PEM"}, "certificate", True, MendKind.SHAPE),
]
