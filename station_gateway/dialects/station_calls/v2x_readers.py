"""How OCPP 2.0.1 and 2.1 payloads of a station are read into the domain's words."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from station_gateway.dialects import fields
from station_gateway.dialects.interface import ErrorWords
from station_gateway.dialects.messages import (
    AuthorizationAsked,
    AvailabilitySeen,
    Booted,
    ConnectorStatusSeen,
    MeterRead,
    NoticeSeen,
    Payload,
    ReservationEndReported,
    SessionEvent,
    TokenSeen,
)
from station_gateway.dialects.station_calls import readers
from station_gateway.dialects.station_calls.tokens import token_seen

ERRORS = ErrorWords(
    format="FormatViolation",
    missing="OccurrenceConstraintViolation",
    occurrence="OccurrenceConstraintViolation",
    property="PropertyConstraintViolation",
    type="TypeConstraintViolation",
    framework="RpcFrameworkError",
    message_type="MessageTypeNotSupported",
)
"""As 2.x spells them (2.0.1 part 4 section 4.3)."""

EVENT_CONNECTORS = 16
"""Connectors whose state is taken from one NotifyEvent; each costs a write."""

_AVAILABILITY = frozenset({"Available", "Occupied", "Reserved", "Unavailable", "Faulted"})

TOKEN_TYPE_CHARS = 20
_LONGEST_ID = 255
"""Longer ones are refused. The schema has refused what is too long for the station's version."""


def _boot(payload: Payload, now: datetime) -> Booted:  # noqa: ARG001
    station = payload["chargingStation"]
    return Booted(
        vendor=fields.text(station, "vendorName", 50),
        model=fields.text(station, "model", 50),
        serial_number=fields.text(station, "serialNumber", 50),
        firmware_version=fields.text(station, "firmwareVersion", 50),
        reason=fields.text(payload, "reason", 50),
    )


def _status(payload: Payload, now: datetime) -> ConnectorStatusSeen:
    return ConnectorStatusSeen(
        evse_id=fields.number(payload, "evseId", ERRORS.property),
        connector_id=fields.number(payload, "connectorId", ERRORS.property),
        status=fields.text(payload, "connectorStatus", 50),
        time=fields.read_time(payload["timestamp"], now),
    )


def _authorize(payload: Payload, now: datetime) -> AuthorizationAsked:
    unchecked = any(payload.get(key) for key in ("certificate", "iso15118CertificateHashData"))
    return AuthorizationAsked(_token(payload["idToken"]), now, certificate=unchecked)


def _token(token: Payload) -> TokenSeen:
    type_ = fields.text(token, "type", TOKEN_TYPE_CHARS)
    return token_seen(fields.optional_text(token, "idToken"), type_)


def _event(payload: Payload, now: datetime) -> SessionEvent:
    info = payload["transactionInfo"]
    evse = payload.get("evse", {})
    token = payload.get("idToken")
    return SessionEvent(
        event_type=payload["eventType"],
        ocpp_transaction_id=fields.text(info, "transactionId", _LONGEST_ID),
        seq_no=_sequence(payload, now),
        trigger=fields.text(payload, "triggerReason", 50),
        time=fields.read_time(payload["timestamp"], now),
        offline=payload.get("offline", False),
        evse_id=fields.optional_number(evse, "id", ERRORS.property),
        connector_id=fields.optional_number(evse, "connectorId", ERRORS.property),
        token=None if token is None else _token(token),
        remote_start_id=fields.optional_number(info, "remoteStartId", ERRORS.property),
        reservation_id=fields.optional_number(payload, "reservationId", ERRORS.property),
        charging_state=fields.text(info, "chargingState", 50),
        stop_reason=fields.text(info, "stoppedReason", 50),
        meter_wh=_register_of(payload),
    )


def _sequence(payload: Payload, now: datetime) -> int:
    """The place among the session's events. Without a number they are ordered as they come."""
    if "seqNo" in payload:
        return fields.number(payload, "seqNo", ERRORS.property)
    return 0 if payload["eventType"] == "Started" else int(now.timestamp())


_PICK_REGISTER: Mapping[str, Callable[[list[int]], int]] = {"Started": min, "Ended": max}
"""A register only grows, and the first and the last message may carry readings of both ends."""


def _register_of(payload: Payload) -> int | None:
    values: list[dict[str, Any]] | None = payload.get("meterValue")
    if values is None:
        return None
    registers = fields.registers_of(values)
    if not registers:
        return None
    pick = _PICK_REGISTER.get(payload.get("eventType", ""))
    return pick(registers) if pick else registers[-1]


def _meter(payload: Payload, now: datetime) -> MeterRead:
    return MeterRead(
        evse_id=fields.optional_number(payload, "evseId", ERRORS.property),
        time=fields.read_time(payload["meterValue"][-1].get("timestamp"), now),
        meter_wh=_register_of(payload),
        power_w=fields.power_w(payload["meterValue"][-1]),
    )


def _reservation_ended(payload: Payload, now: datetime) -> ReservationEndReported:  # noqa: ARG001
    return ReservationEndReported(
        fields.number(payload, "reservationId", ERRORS.property),
        fields.text(payload, "reservationUpdateStatus", 50),
    )


def _events(payload: Payload, now: datetime) -> AvailabilitySeen | NoticeSeen:
    """What it tells of the availability of connectors; it may tell anything else besides.

    An EVSE that tells of itself means its first connector.
    """
    told: dict[tuple[int, int], ConnectorStatusSeen] = {}
    for event in payload["eventData"]:
        component, status = event["component"], event.get("actualValue")
        evse = component.get("evse", {})
        key = evse.get("id", 0), evse.get("connectorId", 1)
        is_state = event["variable"].get("name") == "AvailabilityState"
        known = status in _AVAILABILITY and component.get("name") in {"Connector", "EVSE"}
        if not (is_state and known) or not all(0 < each <= fields.INT32_MAX for each in key):
            continue
        if len(told) < EVENT_CONNECTORS or key in told:
            time = fields.read_time(event["timestamp"], now)
            told[key] = ConnectorStatusSeen(*key, status, time, by_event=True)
    if not told:
        return NoticeSeen("NotifyEvent", more=payload.get("tbc", False) is True)
    return AvailabilitySeen(tuple(told.values()))


READERS: Mapping[str, readers.Reader] = {
    **readers.SAME_EVERYWHERE,
    "BootNotification": _boot,
    "StatusNotification": _status,
    "Authorize": _authorize,
    "TransactionEvent": _event,
    "MeterValues": _meter,
    "ReservationStatusUpdate": _reservation_ended,
    "NotifyEvent": _events,
    **readers.notices("NotifyReport"),
}
"""What every 2.x version takes from a station."""
