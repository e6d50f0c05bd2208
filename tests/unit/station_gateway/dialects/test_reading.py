"""What stations say is read into bounded, clean messages, or refused with CallRefused."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from station_gateway.dialects import DIALECTS, fields, v16, v21, v201
from station_gateway.dialects.interface import Dialect
from station_gateway.dialects.messages import (
    AuthorizationAsked,
    Booted,
    CallRefused,
    ConnectorStatusSeen,
    HeartbeatSeen,
    MeterRead,
    NoticeSeen,
    ReservationEndReported,
    SecurityEventSeen,
    SessionEvent,
    SessionStarted,
    SessionStopped,
    StationCall,
    StationTime,
    TokenSeen,
    VendorDataSeen,
)
from tests.unit.station_gateway.malformed import REQUIRED

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
EIGHT = datetime(2026, 1, 1, 8, tzinfo=UTC)
AT_EIGHT = StationTime(EIGHT, raw_skew_s=-4 * 3600.0)
TIME = "2026-01-01T08:00:00Z"
V16, V201 = REQUIRED["1.6"], REQUIRED["2.0.1"]
newer = pytest.mark.parametrize("dialect", [v201, v21], ids=["2.0.1", "2.1"])


def read(dialect: Dialect, action: str, payload: Any) -> StationCall:
    """Through the check and the reading, as the wire goes."""
    payload = json.loads(json.dumps(payload))
    assert dialect.check_call(action, payload) is None
    return dialect.read_call(action, payload, NOW)


def test_every_version_offers_its_subprotocol_the_newest_first() -> None:
    assert list(DIALECTS) == ["ocpp2.1", "ocpp2.0.1", "ocpp1.6"]


@pytest.mark.parametrize("dialect", DIALECTS.values())
def test_heartbeat_is_a_heartbeat(dialect: Dialect) -> None:
    assert read(dialect, "Heartbeat", {}) == HeartbeatSeen()


def test_boot_tells_what_the_station_is() -> None:
    boot = V16["BootNotification"] | {"chargeBoxSerialNumber": "S", "firmwareVersion": "1\n2"}
    assert read(v16, "BootNotification", boot) == Booted("V", "M", "S", "1\ufffd2")
    assert read(v201, "BootNotification", V201["BootNotification"]) == Booted(
        "V", "M", reason="PowerUp"
    )


@pytest.mark.parametrize(("connector", "within"), [(0, 0), (1, 1), (2, 1)])
def test_connector_of_16_is_an_evse_with_one_connector(connector: int, within: int) -> None:
    status = V16["StatusNotification"] | {"connectorId": connector, "info": "i"}
    assert read(v16, "StatusNotification", status) == ConnectorStatusSeen(
        connector, within, "Available", StationTime(NOW), "NoError", "i"
    )


@newer
def test_status_of_2x_names_evse_and_connector(dialect: Dialect) -> None:
    status = V201["StatusNotification"] | {"timestamp": TIME, "evseId": 2}
    seen = ConnectorStatusSeen(2, 1, "Available", AT_EIGHT)
    assert read(dialect, "StatusNotification", status) == seen


def test_authorize_names_the_token() -> None:
    assert read(v16, "Authorize", {"idTag": "T"}) == AuthorizationAsked(TokenSeen("T"), NOW)
    asked = AuthorizationAsked(TokenSeen("T", "ISO14443"), NOW)
    assert read(v201, "Authorize", V201["Authorize"]) == asked


def test_start_transaction_is_read() -> None:
    start = V16["StartTransaction"] | {"timestamp": TIME, "meterStart": 12, "reservationId": 4}
    started = SessionStarted(1, 1, TokenSeen("T"), 12, AT_EIGHT, reservation_id=4)
    assert read(v16, "StartTransaction", start) == started


@pytest.mark.parametrize("reservation", [0, -1, 2**40])
def test_reservation_that_is_none_is_left_out(reservation: int) -> None:
    start = V16["StartTransaction"] | {"reservationId": reservation}
    seen = read(v16, "StartTransaction", start)
    assert isinstance(seen, SessionStarted)
    assert seen.reservation_id is None


@pytest.mark.parametrize(("meter", "read_as"), [(-5, 0), (10**15, 10**12)])
def test_impossible_meter_reading_is_bent_and_flagged(meter: int, read_as: int) -> None:
    started = read(v16, "StartTransaction", V16["StartTransaction"] | {"meterStart": meter})
    stopped = read(v16, "StopTransaction", V16["StopTransaction"] | {"meterStop": meter})
    assert isinstance(started, SessionStarted) and isinstance(stopped, SessionStopped)
    assert (started.meter_start_wh, started.meter_suspect) == (read_as, True)
    assert (stopped.meter_stop_wh, stopped.meter_suspect) == (read_as, True)


def test_stop_transaction_is_read() -> None:
    stop = V16["StopTransaction"] | {"timestamp": TIME, "idTag": "T", "reason": "Remote"}
    stopped = SessionStopped("1", True, 1, AT_EIGHT, TokenSeen("T"), "Remote")
    assert read(v16, "StopTransaction", stop) == stopped


@pytest.mark.parametrize("transaction_id", [0, -1])
def test_stop_of_a_transaction_that_never_got_our_id_is_taken(transaction_id: int) -> None:
    stop = V16["StopTransaction"] | {"transactionId": transaction_id}
    seen = read(v16, "StopTransaction", stop)
    assert isinstance(seen, SessionStopped)
    assert (seen.ocpp_transaction_id, seen.id_known, seen.token) == (
        str(transaction_id),
        False,
        None,
    )
    assert seen.reason == "Local"


FULL_EVENT = V201["TransactionEvent"] | {
    "timestamp": TIME,
    "seqNo": 3,
    "offline": True,
    "evse": {"id": 1, "connectorId": 2},
    "idToken": {"idToken": "T", "type": "Central"},
    "reservationId": 9,
    "transactionInfo": {
        "transactionId": "t",
        "remoteStartId": 7,
        "chargingState": "Charging",
        "stoppedReason": "Remote",
    },
}


@newer
def test_transaction_event_is_read_with_its_offline_flag(dialect: Dialect) -> None:
    assert read(dialect, "TransactionEvent", FULL_EVENT) == SessionEvent(
        event_type="Started",
        ocpp_transaction_id="t",
        seq_no=3,
        trigger="RemoteStart",
        time=AT_EIGHT,
        offline=True,
        evse_id=1,
        connector_id=2,
        token=TokenSeen("T", "Central"),
        remote_start_id=7,
        reservation_id=9,
        charging_state="Charging",
        stop_reason="Remote",
    )


EVENT_OF_21 = V201["TransactionEvent"] | {
    "eventType": "Updated",
    "triggerReason": "TxResumed",
    "evseSleep": False,
    "preconditioningStatus": "Ready",
    "idToken": {"idToken": "T" * 255, "type": "FutureKindOfToken"},
    "transactionInfo": {
        "transactionId": "t",
        "operationMode": "ChargingOnly",
        "tariffId": "night",
        "transactionLimit": {"maxEnergy": 1000.0},
        "stoppedReason": "ReqEnergyTransferRejected",
    },
}


def test_transaction_event_may_carry_what_21_adds() -> None:
    seen = read(v21, "TransactionEvent", EVENT_OF_21)
    assert isinstance(seen, SessionEvent)
    assert seen.token == TokenSeen("T" * 255, "FutureKindOfToken")
    assert (seen.trigger, seen.stop_reason) == ("TxResumed", "ReqEnergyTransferRejected")


@newer
def test_smallest_transaction_event_has_no_more_than_it_says(dialect: Dialect) -> None:
    seen = read(dialect, "TransactionEvent", V201["TransactionEvent"])
    assert isinstance(seen, SessionEvent)
    assert (seen.offline, seen.evse_id, seen.token, seen.remote_start_id) == (
        False,
        None,
        None,
        None,
    )


def registers(*readings: float) -> list[dict[str, Any]]:
    return [{"timestamp": TIME, "sampledValue": [{"value": reading}]} for reading in readings]


@pytest.mark.parametrize(
    ("event_type", "meter_wh"), [("Started", 10), ("Updated", 20), ("Ended", 30)]
)
def test_register_of_an_event_is_the_one_that_fits_it(event_type: str, meter_wh: int) -> None:
    event = FULL_EVENT | {"eventType": event_type, "meterValue": registers(10, 30, 20)}
    seen = read(v201, "TransactionEvent", event)
    assert isinstance(seen, SessionEvent)
    assert seen.meter_wh == meter_wh


def test_event_without_an_energy_register_has_no_reading() -> None:
    voltage = [{"timestamp": TIME, "sampledValue": [{"value": 230, "measurand": "Voltage"}]}]
    seen = read(v201, "TransactionEvent", FULL_EVENT | {"meterValue": voltage})
    assert isinstance(seen, SessionEvent)
    assert seen.meter_wh is None


@newer
def test_meter_values_are_read_in_every_version(dialect: Dialect) -> None:
    meter = V16["MeterValues"] | {"transactionId": 5}
    seen = read(v16, "MeterValues", meter)
    assert isinstance(seen, MeterRead)
    assert (seen.evse_id, seen.ocpp_transaction_id, seen.meter_wh) == (1, "5", 1)
    seen = read(dialect, "MeterValues", {"evseId": 2, "meterValue": registers(10, 20)})
    assert seen == MeterRead(2, AT_EIGHT, meter_wh=20)


@pytest.mark.parametrize("transaction_id", [0, -1, 2**40])
def test_meter_values_of_no_transaction_name_none(transaction_id: int) -> None:
    empty = [{"timestamp": TIME, "sampledValue": [{"value": "x"}]}]
    seen = read(
        v16,
        "MeterValues",
        {"connectorId": 1, "transactionId": transaction_id, "meterValue": empty},
    )
    assert seen == MeterRead(1, AT_EIGHT)


SAMPLES: list[tuple[list[dict[str, Any]], list[int]]] = [
    ([{"value": "12.6"}], [13]),
    ([{"value": "1.5", "unit": "kWh"}], [1500]),
    ([{"value": "1.5", "unit": "W"}], []),
    ([{"value": "1", "measurand": "Voltage"}], []),
    ([{"value": "1", "location": "EV"}], []),
    ([{"value": "1", "location": "Inlet"}], [1]),
    ([{"value": "00AF", "format": "SignedData"}], []),
    ([{"value": "x"}], []),
    ([{"value": "nan"}], []),
    ([{"value": "-1"}], []),
    ([{"value": "1e30"}], []),
    ([{"value": 2, "unitOfMeasure": {"unit": "kWh"}}], [2000]),
    ([{"value": 2, "unitOfMeasure": {"multiplier": 3}}], [2000]),
    ([{"value": 2, "unitOfMeasure": {"multiplier": 400}}], []),
    ([{"value": 2, "unitOfMeasure": {"unit": "J"}}], []),
    ([{"value": 1, "phase": "L1"}, {"value": 2, "phase": "L2"}, {"value": 3, "phase": "L3"}], [6]),
    ([{"value": 1, "phase": "L1"}, {"value": 9}], [9]),
    ([{"value": 0, "phase": "L1"}], []),
    ([{"value": 10**12, "phase": "L1"}, {"value": 10**12, "phase": "L2"}], []),
]


@pytest.mark.parametrize(("samples", "wh"), SAMPLES)
def test_energy_register_is_found_and_counted_in_wh(
    samples: list[dict[str, Any]], wh: list[int]
) -> None:
    assert fields.registers_wh(samples) == wh


@pytest.mark.parametrize("dialect", DIALECTS.values())
def test_vendor_data_names_the_vendor(dialect: Dialect) -> None:
    data = {"vendorId": "V", "messageId": "M", "data": "secret"}
    assert read(dialect, "DataTransfer", data) == VendorDataSeen("V", "M")


@pytest.mark.parametrize("dialect", DIALECTS.values())
def test_security_event_is_read(dialect: Dialect) -> None:
    event = {"type": "T", "timestamp": TIME, "techInfo": "i"}
    assert read(dialect, "SecurityEventNotification", event) == SecurityEventSeen(
        "T", AT_EIGHT, "i"
    )


@newer
@pytest.mark.parametrize("how", ["Expired", "Removed", "NoTransaction"])
def test_end_of_a_reservation_is_read(dialect: Dialect, how: str) -> None:
    update = V201["ReservationStatusUpdate"] | {"reservationUpdateStatus": how}
    assert read(dialect, "ReservationStatusUpdate", update) == ReservationEndReported(1, how)


NOTICES = [
    (v16, "FirmwareStatusNotification", NoticeSeen("FirmwareStatusNotification", "Idle")),
    (v16, "DiagnosticsStatusNotification", NoticeSeen("DiagnosticsStatusNotification", "Idle")),
    (v16, "LogStatusNotification", NoticeSeen("LogStatusNotification", "Idle")),
    (v16, "SignCertificate", NoticeSeen("SignCertificate")),
    (v201, "FirmwareStatusNotification", NoticeSeen("FirmwareStatusNotification", "Idle")),
    (v201, "LogStatusNotification", NoticeSeen("LogStatusNotification", "Idle")),
    (v201, "NotifyReport", NoticeSeen("NotifyReport")),
    (v201, "SignCertificate", NoticeSeen("SignCertificate")),
    (v201, "NotifyEvent", NoticeSeen("NotifyEvent")),
    (v21, "NotifyEvent", NoticeSeen("NotifyEvent")),
    (v21, "ClosePeriodicEventStream", NoticeSeen("ClosePeriodicEventStream")),
    (v21, "NotifyDERAlarm", NoticeSeen("NotifyDERAlarm")),
    (v21, "NotifyDERStartStop", NoticeSeen("NotifyDERStartStop")),
    (v21, "NotifyPriorityCharging", NoticeSeen("NotifyPriorityCharging")),
    (v21, "NotifyWebPaymentStarted", NoticeSeen("NotifyWebPaymentStarted")),
    (v21, "OpenPeriodicEventStream", NoticeSeen("OpenPeriodicEventStream")),
    (v21, "PullDynamicScheduleUpdate", NoticeSeen("PullDynamicScheduleUpdate")),
    (v21, "ReportDERControl", NoticeSeen("ReportDERControl")),
]

ELSEWHERE = [
    "BatterySwap",
    "GetCertificateChainStatus",
    "NotifyPeriodicEventStream",
    "NotifySettlement",
    "VatNumberValidation",
]


@pytest.mark.parametrize("action", ELSEWHERE)
def test_what_21_adds_and_nobody_does_here_is_not_supported(action: str) -> None:
    refused = v21.check_call(action, {})
    assert refused is not None and refused.code == "NotSupported"


@pytest.mark.parametrize("action", ["NotifyDERAlarm", "NotifyPeriodicEventStream"])
def test_what_21_adds_is_unknown_to_201(action: str) -> None:
    refused = v201.check_call(action, {})
    assert refused is not None and refused.code == "NotImplemented"


@pytest.mark.parametrize(("dialect", "action", "notice"), NOTICES)
def test_notices_are_taken_note_of(dialect: Dialect, action: str, notice: NoticeSeen) -> None:
    version = REQUIRED[dialect.VERSION]
    assert read(dialect, action, version[action]) == notice


def test_report_says_whether_parts_follow() -> None:
    report = V201["NotifyReport"] | {"tbc": True}
    assert read(v201, "NotifyReport", report) == NoticeSeen("NotifyReport", more=True)


OUT_OF_RANGE: list[tuple[Dialect, str, dict[str, Any]]] = [
    (v16, "StatusNotification", V16["StatusNotification"] | {"connectorId": -1}),
    (v16, "StatusNotification", V16["StatusNotification"] | {"connectorId": 2**31}),
    (v16, "StopTransaction", V16["StopTransaction"] | {"transactionId": 2**31}),
    (v201, "TransactionEvent", V201["TransactionEvent"] | {"seqNo": 1e300}),
    (v201, "TransactionEvent", V201["TransactionEvent"] | {"evse": {"id": -1}}),
]


@pytest.mark.parametrize(("dialect", "action", "payload"), OUT_OF_RANGE)
def test_number_out_of_all_bounds_is_refused(
    dialect: Dialect, action: str, payload: dict[str, Any]
) -> None:
    with pytest.raises(CallRefused) as refused:
        read(dialect, action, payload)
    assert refused.value.code == "PropertyConstraintViolation"


@pytest.mark.parametrize("dialect", DIALECTS.values())
def test_action_that_nobody_reads_is_refused(dialect: Dialect) -> None:
    with pytest.raises(CallRefused) as refused:
        dialect.read_call("MakeCoffee", {}, NOW)
    assert refused.value.code == "NotImplemented"
