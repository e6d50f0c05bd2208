"""OCPP 2.0.1: payloads to the domain's words.

Transaction ids are the station's own; what ties a session to our start is `remoteStartId`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from station_gateway.dialects import fields, schedules, verdicts, words
from station_gateway.dialects.interface import Answer, ErrorWords, Violation
from station_gateway.dialects.messages import (
    Authorization,
    AuthorizationAsked,
    Booted,
    CallRefused,
    Confirmation,
    ConnectorStatusSeen,
    HeartbeatSeen,
    MeterRead,
    NoticeSeen,
    OutgoingCall,
    Payload,
    ReservationEnded,
    SecurityEventSeen,
    SessionEvent,
    SessionStarted,
    SessionStopped,
    StationCall,
    TokenSeen,
    Unreadable,
    Unsendable,
    VendorDataSeen,
)
from station_gateway.schemas import SchemaSet
from workflows.contract import AskResult
from workflows.domain.model import (
    CallError,
    ChargingProfile,
    Kind,
    StartSpec,
    StationAnswer,
    StopSpec,
    Verdict,
)

VERSION = "2.0.1"
SUBPROTOCOL = "ocpp2.0.1"
EXTENDED_FRAMES = False

ERRORS = ErrorWords(
    format="FormatViolation",
    missing="OccurrenceConstraintViolation",
    occurrence="OccurrenceConstraintViolation",
    property="PropertyConstraintViolation",
    type="TypeConstraintViolation",
    framework="RpcFrameworkError",
    message_type="MessageTypeNotSupported",
)
"""As 2.0.1 spells them (part 4 section 4.3)."""

ANSWERS: Mapping[Kind, Mapping[str, Verdict]] = {
    Kind.START_SESSION: {"Accepted": Verdict.ACCEPTED, "Rejected": Verdict.REJECTED},
    Kind.STOP_SESSION: {"Accepted": Verdict.ACCEPTED, "Rejected": Verdict.REJECTED},
    Kind.UNLOCK_CONNECTOR: {
        "Unlocked": Verdict.ACCEPTED,
        "UnlockFailed": Verdict.FAILED,
        "OngoingAuthorizedTransaction": Verdict.REJECTED,
        "UnknownConnector": Verdict.REJECTED,
    },
    Kind.RESET: {
        "Accepted": Verdict.ACCEPTED,
        "Rejected": Verdict.REJECTED,
        "Scheduled": Verdict.SCHEDULED,
    },
    Kind.RESERVE_NOW: {
        "Accepted": Verdict.ACCEPTED,
        "Faulted": Verdict.REJECTED,
        "Occupied": Verdict.REJECTED,
        "Rejected": Verdict.REJECTED,
        "Unavailable": Verdict.REJECTED,
    },
    Kind.CANCEL_RESERVATION: {"Accepted": Verdict.ACCEPTED, "Rejected": Verdict.REJECTED},
}
"""Every status word of every command. A word that is not here is UNREADABLE."""

_ID_TOKEN_CHARS = 36
_TRANSACTION_ID_CHARS = 36
_TOKEN_TYPES = {
    word.upper(): word
    for word in (
        "Central",
        "eMAID",
        "ISO14443",
        "ISO15693",
        "KeyCode",
        "Local",
        "MacAddress",
        "NoAuthorization",
    )
}


def check_call(action: str, payload: Payload) -> Violation | None:
    """Judge (and repair in place) the payload of a station's CALL."""
    return SCHEMAS.check_call(action, payload)


def check_answer(action: str, payload: Payload) -> Violation | None:
    """Judge (and repair in place) the payload of a station's CALLRESULT."""
    return SCHEMAS.check_answer(action, payload)


# --- what we ask


def start(
    spec: StartSpec,
    *,
    token_value: str,
    group_token_value: str | None,
    remote_start_id: int,
) -> OutgoingCall:
    """RequestStartTransaction.

    Raises:
        Unsendable: a token has more than 36 characters or no type of 2.0.1, or the profile is no
            TxProfile.
    """
    payload: Payload = {
        "idToken": _write_token(token_value, spec.id_token.type),
        "remoteStartId": remote_start_id,
    }
    if spec.evse_id is not None:
        payload["evseId"] = spec.evse_id
    if spec.group_id_token is not None and group_token_value is not None:
        payload["groupIdToken"] = _write_token(group_token_value, spec.group_id_token.type)
    if spec.charging_profile is not None:
        payload["chargingProfile"] = _profile(spec.charging_profile, remote_start_id)
    return "RequestStartTransaction", payload


def _write_token(value: str, type_: str) -> Payload:
    word = _TOKEN_TYPES.get(type_.upper().replace("_", ""))
    if word is None:
        raise Unsendable("id_token.type: not a type of OCPP 2.0.1")
    if len(value) > _ID_TOKEN_CHARS or (not value and word != "NoAuthorization"):
        raise Unsendable("id_token: OCPP 2.0.1 takes 1 to 36 characters")
    return {"idToken": value, "type": word}


def _profile(profile: ChargingProfile, profile_id: int) -> Payload:
    return {
        "id": profile_id,
        "stackLevel": profile.stack_level,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": profile.profile_kind,
        "chargingSchedule": [{"id": profile_id, **schedules.write(profile)}],
    }


def stop(spec: StopSpec) -> OutgoingCall:
    """RequestStopTransaction.

    Raises:
        Unsendable: the transaction id has not 1 to 36 characters.
    """
    if not 0 < len(spec.wire_id) <= _TRANSACTION_ID_CHARS:
        raise Unsendable("transaction_id: OCPP 2.0.1 takes 1 to 36 characters")
    return "RequestStopTransaction", {"transactionId": spec.wire_id}


def ask(kind: Kind, *, evse_id: int | None = None, wire_id: str = "") -> OutgoingCall:  # noqa: ARG001
    """GetTransactionStatus of `wire_id`; without one, whether messages wait at the station."""
    return "GetTransactionStatus", ({"transactionId": wire_id} if wire_id else {})


def read_asked(answer: Answer) -> AskResult:
    """What the station knows about the transaction."""
    if isinstance(answer, CallError):
        return AskResult(asked=True, detail=answer.code)
    if isinstance(answer, Unreadable):
        return AskResult(asked=True, detail="unreadable answer")
    return AskResult(
        asked=True,
        ongoing=answer.get("ongoingIndicator"),
        messages_in_queue=answer.get("messagesInQueue"),
    )


def get_connection_timeout() -> OutgoingCall:
    """GetVariables of TxCtrlr.EVConnectionTimeOut."""
    wanted = {"component": {"name": "TxCtrlr"}, "variable": {"name": "EVConnectionTimeOut"}}
    return "GetVariables", {"getVariableData": [wanted]}


def read_connection_timeout(answer: Answer) -> float | None:
    """The value of EVConnectionTimeOut in seconds; None when the station did not say."""
    if not isinstance(answer, dict):
        return None
    for result in answer.get("getVariableResult", ()):
        if result.get("attributeStatus") == "Accepted":
            return fields.timeout_s(result.get("attributeValue"))
    return None


def read_answer(kind: Kind, answer: Answer) -> StationAnswer:
    """What the answer to a command means. Never raises."""
    return verdicts.read_status(ANSWERS[kind], answer)


# --- what stations say

_Reader = Callable[[Payload, datetime], StationCall]


def read_call(action: str, payload: Payload, now: datetime) -> StationCall:
    """The message of a station, after `check_call` let it pass.

    Raises:
        CallRefused: a value is out of all bounds, or the action is not handled.
    """
    reader = _READERS.get(action)
    if reader is None:
        raise CallRefused(ERRORS.not_implemented, "action is not known")
    return reader(payload, now)


def _boot(payload: Payload, now: datetime) -> Booted:  # noqa: ARG001
    station = payload["chargingStation"]
    return Booted(
        vendor=fields.text(station, "vendorName", 50),
        model=fields.text(station, "model", 50),
        serial_number=fields.text(station, "serialNumber", 50),
        firmware_version=fields.text(station, "firmwareVersion", 50),
        reason=fields.text(payload, "reason", 50),
    )


def _heartbeat(payload: Payload, now: datetime) -> HeartbeatSeen:  # noqa: ARG001
    return HeartbeatSeen()


def _status(payload: Payload, now: datetime) -> ConnectorStatusSeen:
    return ConnectorStatusSeen(
        evse_id=fields.number(payload, "evseId", ERRORS.property),
        connector_id=fields.number(payload, "connectorId", ERRORS.property),
        status=fields.text(payload, "connectorStatus", 50),
        time=fields.read_time(payload["timestamp"], now),
    )


def _authorize(payload: Payload, now: datetime) -> AuthorizationAsked:  # noqa: ARG001
    return AuthorizationAsked(_token(payload["idToken"]))


def _token(token: Payload) -> TokenSeen:
    return TokenSeen(fields.text(token, "idToken", _ID_TOKEN_CHARS), fields.text(token, "type", 20))


def _event(payload: Payload, now: datetime) -> SessionEvent:
    info = payload["transactionInfo"]
    evse = payload.get("evse", {})
    token = payload.get("idToken")
    return SessionEvent(
        event_type=payload["eventType"],
        ocpp_id=fields.text(info, "transactionId", _TRANSACTION_ID_CHARS),
        seq_no=fields.number(payload, "seqNo", ERRORS.property),
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


_PICK_REGISTER: Mapping[str, Callable[[list[int]], int]] = {"Started": min, "Ended": max}
"""A register only grows; first and last message may carry readings of both ends."""


def _register_of(payload: Payload) -> int | None:
    values: list[dict[str, Any]] | None = payload.get("meterValue")
    if values is None:
        return None
    registers = [
        wh for value in values for wh in fields.registers_wh(value.get("sampledValue", ()))
    ]
    if not registers:
        return None
    pick = _PICK_REGISTER.get(payload.get("eventType", ""))
    return pick(registers) if pick else registers[-1]


def _meter(payload: Payload, now: datetime) -> MeterRead:
    return MeterRead(
        evse_id=fields.number(payload, "evseId", ERRORS.property),
        time=fields.read_time(payload["meterValue"][-1].get("timestamp"), now),
        meter_wh=_register_of(payload),
    )


def _vendor_data(payload: Payload, now: datetime) -> VendorDataSeen:  # noqa: ARG001
    return VendorDataSeen(
        fields.text(payload, "vendorId", 255), fields.text(payload, "messageId", 50)
    )


def _security_event(payload: Payload, now: datetime) -> SecurityEventSeen:
    return SecurityEventSeen(
        event=fields.text(payload, "type", 50),
        time=fields.read_time(payload["timestamp"], now),
        info=fields.text(payload, "techInfo", 255),
    )


def _reservation_ended(payload: Payload, now: datetime) -> ReservationEnded:  # noqa: ARG001
    return ReservationEnded(
        fields.number(payload, "reservationId", ERRORS.property),
        fields.text(payload, "reservationUpdateStatus", 50),
    )


def _notice(action: str) -> _Reader:
    return lambda payload, _now: NoticeSeen(
        action, fields.text(payload, "status", 50), payload.get("tbc", False)
    )


_NOTICES: Mapping[str, _Reader] = {
    action: _notice(action)
    for action in (
        "FirmwareStatusNotification",
        "LogStatusNotification",
        "NotifyReport",
        "NotifyEvent",
        "SignCertificate",
    )
}

_READERS: Mapping[str, _Reader] = {
    "BootNotification": _boot,
    "Heartbeat": _heartbeat,
    "StatusNotification": _status,
    "Authorize": _authorize,
    "TransactionEvent": _event,
    "MeterValues": _meter,
    "DataTransfer": _vendor_data,
    "SecurityEventNotification": _security_event,
    "ReservationStatusUpdate": _reservation_ended,
    **_NOTICES,
}

SCHEMAS = SchemaSet("ocpp.v201", "Request", frozenset(_READERS), ERRORS)


def reply(call: StationCall, said: Confirmation) -> Payload:
    """The CALLRESULT payload for a message that `read_call` made."""
    match call:
        case HeartbeatSeen():
            return {"currentTime": fields.write_time(said.now)}
        case Booted():
            return {
                "status": words.BOOT_WORDS[said.boot],
                "currentTime": fields.write_time(said.now),
                "interval": said.interval_s,
            }
        case AuthorizationAsked():
            return {"idTokenInfo": _id_token_info(said.authorization)}
        case SessionEvent() | SessionStarted() | SessionStopped() if said.authorization is not None:
            return {"idTokenInfo": _id_token_info(said.authorization)}
        case VendorDataSeen():
            return {"status": "UnknownVendorId"}
        case NoticeSeen(action="SignCertificate"):
            return {"status": "Rejected"}  # no certificate authority stands behind the gateway
        case _:
            return {}


def _id_token_info(authorization: Authorization | None) -> Payload:
    """Without a judgement the token is Invalid: nobody vouched for it."""
    if authorization is None:
        return {"status": "Invalid"}
    info: Payload = {"status": words.TOKEN_WORDS[authorization.verdict]}
    if authorization.group and len(authorization.group) <= _ID_TOKEN_CHARS:
        type_ = _TOKEN_TYPES.get(authorization.group_type.upper().replace("_", ""), "Central")
        info["groupIdToken"] = {"idToken": authorization.group, "type": type_}
    if authorization.expire_time is not None:
        info["cacheExpiryDateTime"] = fields.write_time(authorization.expire_time)
    return info
