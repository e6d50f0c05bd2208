"""OCPP 1.6 (JSON, edition 2, with the security extensions).

1.6 knows no EVSEs: connector n is EVSE n, and its only connector is 1; connector 0 is the station.
Transaction ids are integers that we mint; 0 and -1 come from stations that never got one.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from domain import ocpp_words
from domain.model.answers import StationAnswer, Verdict
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
from station_gateway.dialects import command_words, fields, schedules, verdicts
from station_gateway.dialects.command_words import (
    CommandWords,
    FrameParts,
    Question,
    QuestionSubject,
    read_trigger,
)
from station_gateway.dialects.mending import v16 as mending
from station_gateway.dialects.messages import (
    Answer,
    Authorization,
    AuthorizationAsked,
    Confirmation,
    OutgoingCall,
    Payload,
    SessionStarted,
    SessionStopped,
    StationCall,
    Unsendable,
)
from station_gateway.dialects.schemas import SchemaSet
from station_gateway.dialects.station_calls import readers, replies, v16_readers

VERSION = "1.6"
SUBPROTOCOL = "ocpp1.6"
CAPABILITIES = ocpp_words.CAPABILITIES[VERSION]

ERRORS = v16_readers.ERRORS
ONE_EFFECT = replies.ONE_EFFECT
SCHEMAS = SchemaSet("ocpp.v16", "", frozenset(v16_readers.READERS), ERRORS, menders=mending.MENDERS)
REPORTS = mending.MENDERS.keys()

check_call = SCHEMAS.check_call
take_call = SCHEMAS.take_call
mend_call = SCHEMAS.mend_call
subject_of = mending.subject_of
check_send = SCHEMAS.check_send
check_answer = SCHEMAS.check_answer
take_answer = SCHEMAS.take_answer

_ANY_CONNECTOR = 0
_RESETS = {ResetMode.SOFT: "Soft", ResetMode.HARD: "Hard"}


# --- commands


def _start(spec: StartSpec, parts: FrameParts) -> OutgoingCall:
    """RemoteStartTransaction. The group token has no field; `number` numbers the profile only.

    Raises:
        Unsendable: the token is no idTag (1 to 20 characters), or the profile is no TxProfile.
    """
    payload: Payload = {"idTag": _id_tag(parts.id_token, "id_token")}
    if spec.evse_id is not None:
        payload["connectorId"] = spec.evse_id
    if spec.charging_profile is not None:
        payload["chargingProfile"] = _profile(spec.charging_profile, parts.number)
    return "RemoteStartTransaction", payload


def _id_tag(value: str | None, name: str) -> str:
    if not value or len(value) > CAPABILITIES.id_token_chars:
        raise Unsendable(f"{name}: OCPP 1.6 takes 1 to {CAPABILITIES.id_token_chars} characters")
    return value


def _profile(profile: ChargingProfile, profile_id: int) -> Payload:
    return {
        "chargingProfileId": profile_id,
        "stackLevel": profile.stack_level,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": profile.profile_kind,
        "chargingSchedule": schedules.write(profile, decimals=1),
    }


def _stop(spec: StopSpec, parts: FrameParts) -> OutgoingCall:  # noqa: ARG001
    """RemoteStopTransaction.

    Raises:
        Unsendable: the transaction id is no 32-bit integer.
    """
    try:
        ocpp_transaction_id = int(spec.found_ocpp_transaction_id)
    except ValueError:
        raise Unsendable("transaction_id: OCPP 1.6 takes an integer") from None
    if abs(ocpp_transaction_id) > fields.INT32_MAX:
        raise Unsendable("transaction_id: OCPP 1.6 takes 32 bits")
    return "RemoteStopTransaction", {"transactionId": ocpp_transaction_id}


def _unlock(spec: UnlockSpec, parts: FrameParts) -> OutgoingCall:  # noqa: ARG001
    """UnlockConnector.

    Raises:
        Unsendable: the EVSE has no such connector here, or it is the station itself.
    """
    return "UnlockConnector", {"connectorId": _connector(spec.on_evse, spec.on_connector)}


def _connector(evse_id: int, connector_id: int | None) -> int:
    """The number that 1.6 writes for a connector: that of its EVSE, which has no other."""
    if connector_id not in {None, 1}:
        raise Unsendable("connector_id: OCPP 1.6 knows one connector per EVSE, 1")
    return fields.sendable(evse_id, 1, "evse_id")


def _reset(spec: ResetSpec, parts: FrameParts) -> OutgoingCall:  # noqa: ARG001
    """Reset, Hard or Soft: always the whole station.

    Raises:
        Unsendable: one EVSE is meant, or the mode is one of OCPP 2.x.
    """
    if spec.evse_id is not None:
        raise Unsendable("evse_id: OCPP 1.6 restarts whole stations only")
    if spec.mode not in CAPABILITIES.reset_modes:
        raise Unsendable("mode: OCPP 1.6 takes SOFT and HARD")
    return "Reset", {"type": _RESETS[spec.mode]}


def _reserve_now(spec: ReserveSpec, parts: FrameParts) -> OutgoingCall:
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
        "expiryDate": fields.write_end(spec.expire_time),
        "idTag": _id_tag(parts.id_token, "id_token"),
        "reservationId": fields.sendable(spec.wire_id, 0, "wire_id"),
    }
    if parts.group_id_token is not None:
        payload["parentIdTag"] = _id_tag(parts.group_id_token, "group_id_token")
    return "ReserveNow", payload


def _cancel_reservation(spec: CancelReservationSpec, parts: FrameParts) -> OutgoingCall:  # noqa: ARG001
    """CancelReservation. A negative id is one that another system gave.

    Raises:
        Unsendable: the id has no 32 bits.
    """
    reservation_id = fields.sendable(spec.wire_id, -fields.INT32_MAX, "wire_id")
    return "CancelReservation", {"reservationId": reservation_id}


# --- questions: TriggerMessage; the facts come afterwards, as messages of the station


def _trigger(message: str, subject: QuestionSubject) -> OutgoingCall:
    payload: Payload = {"requestedMessage": message}
    if subject.evse_id is not None:
        payload["connectorId"] = subject.evse_id
    return "TriggerMessage", payload


_STATUS = Question(lambda subject: _trigger("StatusNotification", subject), read_trigger)
_METER = Question(lambda subject: _trigger("MeterValues", subject), read_trigger)
"""MeterValues name the transaction that still runs."""

COMMANDS: Mapping[Kind, CommandWords[Any]] = {
    Kind.START_SESSION: CommandWords(_start, verdicts.YES_OR_NO, _STATUS, wants_evse=True),
    Kind.STOP_SESSION: CommandWords(_stop, verdicts.YES_OR_NO, _METER),
    Kind.UNLOCK_CONNECTOR: CommandWords(
        _unlock,
        {
            "Unlocked": Verdict.ACCEPTED,
            "UnlockFailed": Verdict.FAILED,
            "NotSupported": Verdict.NOT_SUPPORTED,
        },
        _STATUS,
    ),
    Kind.RESET: CommandWords(_reset, verdicts.YES_OR_NO, _STATUS),
    Kind.RESERVE_NOW: CommandWords(_reserve_now, verdicts.RESERVE_NOW, _STATUS, wants_evse=True),
    Kind.CANCEL_RESERVATION: CommandWords(_cancel_reservation, verdicts.YES_OR_NO, _STATUS),
}
"""Every command in the words of OCPP 1.6."""


ask_boot = command_words.ask_boot


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


_AUTHORIZATION_KEY = {
    **verdicts.YES_OR_NO,
    "RebootRequired": Verdict.SCHEDULED,
    "NotSupported": Verdict.NOT_SUPPORTED,
}


def set_password(password: str) -> OutgoingCall:
    """ChangeConfiguration of AuthorizationKey: the password's bytes in hexadecimal digits.

    Raises:
        Unsendable: it has not 16 to 20 bytes.
    """
    if not ocpp_words.password_fits(password, CAPABILITIES):
        raise Unsendable("the password has not the 16 to 20 bytes of OCPP 1.6")
    digits = ocpp_words.password_bytes(password).hex().upper()
    return "ChangeConfiguration", {"key": "AuthorizationKey", "value": digits}


def read_set_password(answer: Answer) -> StationAnswer:
    """Whether the station takes the password."""
    return verdicts.read_status(_AUTHORIZATION_KEY, answer)


# --- what stations say


def read_call(action: str, payload: Payload, now: datetime) -> StationCall:
    """The message of a station, after `check_call` let it pass.

    Raises:
        CallRefused: a value is out of all bounds, or the action is not handled.
    """
    return readers.read(v16_readers.READERS, action, payload, now)


def reply(call: StationCall, said: Confirmation) -> Payload:
    """The CALLRESULT payload for a message that `read_call` made."""
    match call:
        case AuthorizationAsked():
            return {"idTagInfo": _id_tag_info(said.authorization)}
        case SessionStarted():
            info = _id_tag_info(said.authorization)
            return {"idTagInfo": info, "transactionId": said.ocpp_transaction_id}
        case SessionStopped() if said.authorization is not None:
            return {"idTagInfo": _id_tag_info(said.authorization)}
        case _:
            return replies.reply(call, said)


def _id_tag_info(authorization: Authorization | None) -> Payload:
    """The idTagInfo. A token without a judgement is Invalid."""
    if authorization is None:
        return {"status": "Invalid"}
    info: Payload = {"status": replies.V16_TOKEN_WORDS[authorization.verdict]}
    if authorization.group and len(authorization.group) <= CAPABILITIES.id_token_chars:
        info["parentIdTag"] = authorization.group
    if authorization.expire_time is not None:
        info["expiryDate"] = fields.write_time(authorization.expire_time)
    return info
