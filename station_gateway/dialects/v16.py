"""OCPP 1.6 (JSON, edition 2, with the security extensions): payloads to the domain's words.

1.6 knows no EVSEs: connector n is EVSE n, and its only connector is 1; connector 0 is the station.
Transaction ids are integers that we mint; 0 and -1 come from stations that never got one.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from contract.commands import AskStationResult
from domain.model.answers import CallError, StationAnswer, Verdict
from domain.model.specs import (
    CancelReservationSpec,
    ChargingProfile,
    Kind,
    ReserveSpec,
    ResetMode,
    ResetSpec,
    StartSpec,
    StopSpec,
    UnlockSpec,
)
from station_gateway.dialects import fields, readers, schedules, verdicts, words
from station_gateway.dialects.interface import Answer, ErrorWords, Violation
from station_gateway.dialects.messages import (
    Authorization,
    AuthorizationAsked,
    Booted,
    CallRefused,
    Confirmation,
    ConnectorStatusSeen,
    MeterRead,
    OutgoingCall,
    Payload,
    SessionEvent,
    SessionStarted,
    SessionStopped,
    StationCall,
    TokenSeen,
    Unreadable,
    Unsendable,
)
from station_gateway.dialects.schemas import SchemaSet

VERSION = "1.6"
SUBPROTOCOL = "ocpp1.6"
EXTENDED_FRAMES = False

ERRORS = ErrorWords(
    format="FormationViolation",
    missing="ProtocolError",
    occurrence="OccurenceConstraintViolation",
    property="PropertyConstraintViolation",
    type="TypeConstraintViolation",
)
"""As 1.6 spells them (OCPP-J 1.6 section 4.2.3). It has no code for a message without a readable id
nor for an unknown message type: such frames are ignored."""

ANSWERS: Mapping[Kind, Mapping[str, Verdict]] = {
    Kind.START_SESSION: verdicts.YES_OR_NO,
    Kind.STOP_SESSION: verdicts.YES_OR_NO,
    Kind.UNLOCK_CONNECTOR: {
        "Unlocked": Verdict.ACCEPTED,
        "UnlockFailed": Verdict.FAILED,
        "NotSupported": Verdict.NOT_SUPPORTED,
    },
    Kind.RESET: verdicts.YES_OR_NO,
    Kind.RESERVE_NOW: verdicts.RESERVE_NOW,
    Kind.CANCEL_RESERVATION: verdicts.YES_OR_NO,
}
"""Every status word of every command. A word that is not here is UNREADABLE."""

_ID_TAG_CHARS = 20
_ANY_CONNECTOR = 0
_RESETS = {ResetMode.SOFT: "Soft", ResetMode.HARD: "Hard"}


def check_call(action: str, payload: Payload) -> Violation | None:
    """Judge (and repair in place) the payload of a station's CALL."""
    return SCHEMAS.check_call(action, payload)


def check_send(action: str, payload: Payload) -> Violation | None:
    """Refuse: 1.6 has no SEND."""
    return SCHEMAS.check_send(action, payload)


def check_answer(action: str, payload: Payload) -> Violation | None:
    """Judge (and repair in place) the payload of a station's CALLRESULT."""
    return SCHEMAS.check_answer(action, payload)


# --- what we ask


def start(
    spec: StartSpec,
    *,
    token_value: str,
    group_token_value: str | None,  # noqa: ARG001 - 1.6 has no group token in a start
    remote_start_id: int,
) -> OutgoingCall:
    """RemoteStartTransaction. `remote_start_id` only numbers the charging profile here.

    Raises:
        Unsendable: the token is no idTag (1 to 20 characters), or the profile is no TxProfile.
    """
    payload: Payload = {"idTag": _id_tag(token_value, "id_token")}
    if spec.evse_id is not None:
        payload["connectorId"] = spec.evse_id
    if spec.charging_profile is not None:
        payload["chargingProfile"] = _profile(spec.charging_profile, remote_start_id)
    return "RemoteStartTransaction", payload


def _id_tag(value: str, name: str) -> str:
    if not 0 < len(value) <= _ID_TAG_CHARS:
        raise Unsendable(f"{name}: OCPP 1.6 takes 1 to 20 characters")
    return value


def _profile(profile: ChargingProfile, profile_id: int) -> Payload:
    return {
        "chargingProfileId": profile_id,
        "stackLevel": profile.stack_level,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": profile.profile_kind,
        "chargingSchedule": schedules.write(profile, decimals=1),
    }


def stop(spec: StopSpec) -> OutgoingCall:
    """RemoteStopTransaction.

    Raises:
        Unsendable: the transaction id is no 32-bit integer.
    """
    try:
        transaction_id = int(spec.wire_id)
    except ValueError:
        raise Unsendable("transaction_id: OCPP 1.6 takes an integer") from None
    if abs(transaction_id) > fields.INT32_MAX:
        raise Unsendable("transaction_id: OCPP 1.6 takes 32 bits")
    return "RemoteStopTransaction", {"transactionId": transaction_id}


def unlock(spec: UnlockSpec) -> OutgoingCall:
    """UnlockConnector.

    Raises:
        Unsendable: the EVSE has no such connector here, or it is the station itself.
    """
    return "UnlockConnector", {"connectorId": _connector(spec.on_evse, spec.on_connector)}


def _connector(evse_id: int, connector_id: int | None) -> int:
    """The wire's number of a connector: that of its EVSE, which has no other."""
    if connector_id not in {None, 1}:
        raise Unsendable("connector_id: OCPP 1.6 knows one connector per EVSE, 1")
    return fields.sendable(evse_id, 1, "evse_id")


def reset(spec: ResetSpec) -> OutgoingCall:
    """Reset, Hard or Soft: always the whole station.

    Raises:
        Unsendable: one EVSE is meant, or the mode is one of OCPP 2.x.
    """
    if spec.evse_id is not None:
        raise Unsendable("evse_id: OCPP 1.6 restarts whole stations only")
    word = _RESETS.get(spec.mode)
    if word is None:
        raise Unsendable("mode: OCPP 1.6 takes SOFT and HARD")
    return "Reset", {"type": word}


def reserve(spec: ReserveSpec, *, token_value: str, group_token_value: str | None) -> OutgoingCall:
    """ReserveNow; connector 0 is any.

    Raises:
        Unsendable: a token is no idTag, the id has no 32 bits, or a connector type is asked for.
    """
    if spec.connector_type:
        raise Unsendable("connector_type: OCPP 1.6 has none")
    connector = _ANY_CONNECTOR
    if spec.evse_id is not None:
        connector = _connector(spec.evse_id, spec.connector_id)
    payload: Payload = {
        "connectorId": connector,
        "expiryDate": fields.write_time(spec.expire_time),
        "idTag": _id_tag(token_value, "id_token"),
        "reservationId": fields.sendable(spec.wire_id, 0, "wire_id"),
    }
    if spec.group_id_token is not None and group_token_value is not None:
        payload["parentIdTag"] = _id_tag(group_token_value, "group_id_token")
    return "ReserveNow", payload


def cancel_reservation(spec: CancelReservationSpec) -> OutgoingCall:
    """CancelReservation. A negative id is one that another system gave.

    Raises:
        Unsendable: the id has no 32 bits.
    """
    wire_id = fields.sendable(spec.wire_id, -fields.INT32_MAX, "wire_id")
    return "CancelReservation", {"reservationId": wire_id}


def ask(
    kind: Kind,
    *,
    evse_id: int | None = None,
    connector_id: int | None = None,  # noqa: ARG001 - an EVSE has one
    wire_id: str = "",  # noqa: ARG001
) -> OutgoingCall:
    """TriggerMessage: the facts come afterwards, as messages of the station.

    After a stop MeterValues (they name the transaction that still runs), else StatusNotification.
    """
    wanted = "MeterValues" if kind is Kind.STOP_SESSION else "StatusNotification"
    payload: Payload = {"requestedMessage": wanted}
    if evse_id is not None:
        payload["connectorId"] = evse_id
    return "TriggerMessage", payload


def read_asked(answer: Answer) -> AskStationResult:
    """Whether the station will send what was asked for; the answer itself is no fact."""
    if isinstance(answer, CallError | Unreadable):
        return verdicts.not_told(answer)
    return AskStationResult(asked=True, detail=fields.text(answer, "status", verdicts.STATUS_CHARS))


def get_connection_timeout() -> OutgoingCall:
    """GetConfiguration of ConnectionTimeOut."""
    return "GetConfiguration", {"key": ["ConnectionTimeOut"]}


def read_connection_timeout(answer: Answer) -> float | None:
    """The value of ConnectionTimeOut in seconds; None when the station did not say."""
    if not isinstance(answer, dict):
        return None
    for entry in answer.get("configurationKey", ()):
        if str(entry.get("key")).lower() == "connectiontimeout":
            return fields.timeout_s(entry.get("value"))
    return None


def read_answer(kind: Kind, answer: Answer) -> StationAnswer:
    """What the answer to a command means. Never raises."""
    return verdicts.read_status(ANSWERS[kind], answer)


# --- what stations say


def read_call(action: str, payload: Payload, now: datetime) -> StationCall:
    """The message of a station, after `check_call` let it pass.

    Raises:
        CallRefused: a value is out of all bounds, or the action is not handled.
    """
    return readers.read(_READERS, action, payload, now)


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


def _authorize(payload: Payload, now: datetime) -> AuthorizationAsked:  # noqa: ARG001
    return AuthorizationAsked(_token(payload))


def _token(payload: Payload) -> TokenSeen:
    return TokenSeen(fields.text(payload, "idTag", _ID_TAG_CHARS))


def _started(payload: Payload, now: datetime) -> SessionStarted:
    meter_wh, suspect = fields.energy(payload["meterStart"])
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


def _reservation(payload: Payload) -> int | None:
    """The reservation's id; stations that have none send 0, -1 or nothing."""
    value = payload.get("reservationId")
    return int(value) if value is not None and 0 < value <= fields.INT32_MAX else None


def _stopped(payload: Payload, now: datetime) -> SessionStopped:
    meter_wh, suspect = fields.energy(payload["meterStop"])
    ocpp_id = payload["transactionId"]
    if abs(ocpp_id) > fields.INT32_MAX:
        raise CallRefused(ERRORS.property, "transactionId: out of range")
    return SessionStopped(
        ocpp_id=str(ocpp_id),
        id_known=ocpp_id > 0,
        meter_stop_wh=meter_wh,
        time=fields.read_time(payload["timestamp"], now),
        token=_token(payload) if "idTag" in payload else None,
        reason=fields.text(payload, "reason", 50) or "Local",
        meter_suspect=suspect,
    )


def _meter(payload: Payload, now: datetime) -> MeterRead:
    ocpp_id = payload.get("transactionId", 0)
    values: list[dict[str, Any]] = payload["meterValue"]
    registers = fields.registers_of(values)
    return MeterRead(
        evse_id=fields.number(payload, "connectorId", ERRORS.property),
        time=fields.read_time(values[-1].get("timestamp"), now),
        ocpp_id=str(ocpp_id) if 0 < ocpp_id <= fields.INT32_MAX else None,
        meter_wh=registers[-1] if registers else None,
    )


_READERS: Mapping[str, readers.Reader] = {
    **readers.SAME_EVERYWHERE,
    "BootNotification": _boot,
    "StatusNotification": _status,
    "Authorize": _authorize,
    "StartTransaction": _started,
    "StopTransaction": _stopped,
    "MeterValues": _meter,
    **readers.notices("SignedFirmwareStatusNotification", "DiagnosticsStatusNotification"),
}

SCHEMAS = SchemaSet("ocpp.v16", "", frozenset(_READERS), ERRORS)


def reply(call: StationCall, said: Confirmation) -> Payload:
    """The CALLRESULT payload for a message that `read_call` made."""
    match call:
        case AuthorizationAsked():
            return {"idTagInfo": _id_tag_info(said.authorization)}
        case SessionStarted():
            info = _id_tag_info(said.authorization)
            return {"idTagInfo": info, "transactionId": said.transaction_id}
        case SessionStopped() | SessionEvent() if said.authorization is not None:
            return {"idTagInfo": _id_tag_info(said.authorization)}
        case _:
            return words.reply(call, said)


def _id_tag_info(authorization: Authorization | None) -> Payload:
    """Without a judgement the token is Invalid: nobody vouched for it."""
    if authorization is None:
        return {"status": "Invalid"}
    info: Payload = {"status": words.TOKEN_WORDS[authorization.verdict]}
    if authorization.group and len(authorization.group) <= _ID_TAG_CHARS:
        info["parentIdTag"] = authorization.group
    if authorization.expire_time is not None:
        info["expiryDate"] = fields.write_time(authorization.expire_time)
    return info
