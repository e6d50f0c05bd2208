"""How OCPP 1.6 payloads of a station are read into the domain's words."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from station_gateway.dialects import fields
from station_gateway.dialects.interface import ErrorWords
from station_gateway.dialects.messages import (
    AuthorizationAsked,
    Booted,
    CallRefused,
    ConnectorStatusSeen,
    MeterRead,
    Payload,
    SessionStarted,
    SessionStopped,
    TokenSeen,
)
from station_gateway.dialects.station_calls import readers
from station_gateway.dialects.station_calls.tokens import token_seen

ERRORS = ErrorWords(
    format="FormationViolation",
    missing="ProtocolError",
    occurrence="OccurenceConstraintViolation",
    property="PropertyConstraintViolation",
    type="TypeConstraintViolation",
)
"""As 1.6 spells them (OCPP-J 1.6 section 4.2.3). It has no code for a message without a readable id
nor for an unknown message type: such frames are ignored."""


def _boot(payload: Payload, now: datetime) -> Booted:  # noqa: ARG001
    serial = payload.get("chargePointSerialNumber") or payload.get("chargeBoxSerialNumber") or ""
    return Booted(
        vendor=fields.text(payload, "chargePointVendor", 50),
        model=fields.text(payload, "chargePointModel", 50),
        serial_number=fields.text({"serial": serial}, "serial", 50),
        firmware_version=fields.text(payload, "firmwareVersion", 50),
    )


def _status(payload: Payload, now: datetime) -> ConnectorStatusSeen:
    connector = fields.number(payload, "connectorId", ERRORS.property)
    return ConnectorStatusSeen(
        evse_id=connector,
        connector_id=min(connector, 1),
        status=fields.text(payload, "status", 50),
        time=fields.read_time(payload.get("timestamp"), now),
        error_code=fields.text(payload, "errorCode", 50),
        info=fields.text(payload, "info", 50),
    )


def _authorize(payload: Payload, now: datetime) -> AuthorizationAsked:
    return AuthorizationAsked(_token(payload), now)


def _token(payload: Payload) -> TokenSeen:
    return token_seen(fields.optional_text(payload, "idTag"))


def _started(payload: Payload, now: datetime) -> SessionStarted:
    meter_wh, suspect = _register(payload, "meterStart")
    connector = fields.number(payload, "connectorId", ERRORS.property)
    return SessionStarted(
        evse_id=connector,
        connector_id=min(connector, 1),
        token=_token(payload),
        meter_start_wh=meter_wh,
        time=fields.read_time(payload["timestamp"], now),
        reservation_id=_reservation(payload),
        meter_suspect=suspect,
    )


def _register(payload: Payload, key: str) -> tuple[int | None, bool]:
    """The register in Wh, None when the station told none, and whether it is not to be trusted."""
    value = payload.get(key)
    return (None, True) if value is None else fields.energy(value)


def _reservation(payload: Payload) -> int | None:
    """The reservation's id; stations that have none send 0, -1 or nothing."""
    value = payload.get("reservationId")
    return int(value) if value is not None and 0 < value <= fields.INT32_MAX else None


def _stopped(payload: Payload, now: datetime) -> SessionStopped:
    meter_wh, suspect = _register(payload, "meterStop")
    number = payload["transactionId"]
    if abs(number) > fields.INT32_MAX:
        raise CallRefused(ERRORS.property, "transactionId: out of range")
    return SessionStopped(
        ocpp_transaction_id=str(number),
        id_known=number > 0,
        meter_stop_wh=meter_wh,
        time=fields.read_time(payload["timestamp"], now),
        token=_token(payload) if "idTag" in payload else None,
        reason=fields.text(payload, "reason", 50) or "Local",
        meter_suspect=suspect,
    )


def _meter(payload: Payload, now: datetime) -> MeterRead:
    number = payload.get("transactionId", 0)
    connector = payload.get("connectorId")
    values: list[dict[str, Any]] = payload["meterValue"]
    registers = fields.registers_of(values)
    return MeterRead(
        evse_id=None
        if connector is None
        else fields.bounded(connector, "connectorId", ERRORS.property),
        time=fields.read_time(values[-1].get("timestamp"), now),
        ocpp_transaction_id=str(number) if 0 < number <= fields.INT32_MAX else None,
        meter_wh=registers[-1] if registers else None,
        power_w=fields.power_w(values[-1]),
    )


READERS: Mapping[str, readers.Reader] = {
    **readers.SAME_EVERYWHERE,
    "BootNotification": _boot,
    "StatusNotification": _status,
    "Authorize": _authorize,
    "StartTransaction": _started,
    "StopTransaction": _stopped,
    "MeterValues": _meter,
    **readers.notices("SignedFirmwareStatusNotification", "DiagnosticsStatusNotification"),
}
"""What OCPP 1.6 takes from a station."""
