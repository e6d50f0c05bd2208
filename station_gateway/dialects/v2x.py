"""What OCPP 2.0.1 and 2.1 share, which is nearly everything: payloads to the domain's words.

A version differs in its schemas, in its limits for tokens and in a few more messages: that is what
a `Speech` is made of. Transaction ids are the station's own; what ties a session to our start is
`remoteStartId`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from station_gateway.dialects import fields, readers, schedules, verdicts, words
from station_gateway.dialects.interface import Answer, ErrorWords
from station_gateway.dialects.messages import (
    Authorization,
    AuthorizationAsked,
    Booted,
    Confirmation,
    ConnectorStatusSeen,
    MeterRead,
    OutgoingCall,
    Payload,
    ReservationEnded,
    SessionEvent,
    StationCall,
    TokenSeen,
    Unreadable,
    Unsendable,
)
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

ANSWERS: Mapping[Kind, Mapping[str, Verdict]] = {
    Kind.START_SESSION: verdicts.YES_OR_NO,
    Kind.STOP_SESSION: verdicts.YES_OR_NO,
    Kind.UNLOCK_CONNECTOR: {
        "Unlocked": Verdict.ACCEPTED,
        "UnlockFailed": Verdict.FAILED,
        "OngoingAuthorizedTransaction": Verdict.REJECTED,
        "UnknownConnector": Verdict.REJECTED,
    },
    Kind.RESET: {**verdicts.YES_OR_NO, "Scheduled": Verdict.SCHEDULED},
    Kind.RESERVE_NOW: verdicts.RESERVE_NOW,
    Kind.CANCEL_RESERVATION: verdicts.YES_OR_NO,
}
"""Every status word of every command. A word that is not here is UNREADABLE."""

TOKEN_TYPE_CHARS = 20
TRANSACTION_ID_CHARS = 36
_LONGEST_TOKEN = 255
"""Of any version: the schema has refused what is too long for the station's own."""


# --- what we ask


@dataclass(frozen=True, slots=True)
class Speech:
    """How one 2.x version is spoken.

    version: for messages to humans. readers: by action, all that is taken from a station.
    id_token_chars: how long a token may be. token_types: this version's spelling by the word in
    capitals without underscores. any_token_type: whether other types may be written as they are.
    """

    version: str
    readers: Mapping[str, readers.Reader]
    id_token_chars: int
    token_types: Mapping[str, str]
    any_token_type: bool = False

    def start(
        self,
        spec: StartSpec,
        *,
        token_value: str,
        group_token_value: str | None,
        remote_start_id: int,
    ) -> OutgoingCall:
        """RequestStartTransaction.

        Raises:
            Unsendable: a token is too long or its type unknown, or the profile is no TxProfile.
        """
        payload: Payload = {
            "idToken": self._write_token(token_value, spec.id_token.type),
            "remoteStartId": remote_start_id,
        }
        if spec.evse_id is not None:
            payload["evseId"] = spec.evse_id
        if spec.group_id_token is not None and group_token_value is not None:
            payload["groupIdToken"] = self._write_token(group_token_value, spec.group_id_token.type)
        if spec.charging_profile is not None:
            payload["chargingProfile"] = _profile(spec.charging_profile, remote_start_id)
        return "RequestStartTransaction", payload

    def _write_token(self, value: str, type_: str) -> Payload:
        word = self._token_type(type_)
        if word is None:
            raise Unsendable(f"id_token.type: not a type of OCPP {self.version}")
        if len(value) > self.id_token_chars or (not value and word != "NoAuthorization"):
            raise Unsendable(
                f"id_token: OCPP {self.version} takes 1 to {self.id_token_chars} characters"
            )
        return {"idToken": value, "type": word}

    def _token_type(self, type_: str) -> str | None:
        """The type as this version spells it; None when it cannot."""
        free = type_ if self.any_token_type and 0 < len(type_) <= TOKEN_TYPE_CHARS else None
        return self.token_types.get(type_.upper().replace("_", ""), free)

    def stop(self, spec: StopSpec) -> OutgoingCall:
        """RequestStopTransaction.

        Raises:
            Unsendable: the transaction id has not 1 to 36 characters.
        """
        if not 0 < len(spec.wire_id) <= TRANSACTION_ID_CHARS:
            raise Unsendable(f"transaction_id: OCPP {self.version} takes 1 to 36 characters")
        return "RequestStopTransaction", {"transactionId": spec.wire_id}

    def read_call(self, action: str, payload: Payload, now: datetime) -> StationCall:
        """The message of a station, after `check_call` let it pass.

        Raises:
            CallRefused: a value is out of all bounds, or the action is not handled.
        """
        return readers.read(self.readers, action, payload, now)

    def reply(self, call: StationCall, said: Confirmation) -> Payload:
        """The CALLRESULT payload for a message that `read_call` made."""
        match call:
            case AuthorizationAsked():
                return {"idTokenInfo": self._id_token_info(said.authorization)}
            case SessionEvent() if said.authorization is not None:
                return {"idTokenInfo": self._id_token_info(said.authorization)}
            case _:
                return words.reply(call, said)

    def _id_token_info(self, authorization: Authorization | None) -> Payload:
        """Without a judgement the token is Invalid: nobody vouched for it."""
        if authorization is None:
            return {"status": "Invalid"}
        info: Payload = {"status": words.TOKEN_WORDS[authorization.verdict]}
        if authorization.group and len(authorization.group) <= self.id_token_chars:
            type_ = self._token_type(authorization.group_type) or "Central"
            info["groupIdToken"] = {"idToken": authorization.group, "type": type_}
        if authorization.expire_time is not None:
            info["cacheExpiryDateTime"] = fields.write_time(authorization.expire_time)
        return info


def _profile(profile: ChargingProfile, profile_id: int) -> Payload:
    return {
        "id": profile_id,
        "stackLevel": profile.stack_level,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": profile.profile_kind,
        "chargingSchedule": [{"id": profile_id, **schedules.write(profile)}],
    }


def ask(kind: Kind, *, evse_id: int | None = None, wire_id: str = "") -> OutgoingCall:  # noqa: ARG001
    """GetTransactionStatus of `wire_id`; without one, whether messages wait at the station."""
    return "GetTransactionStatus", ({"transactionId": wire_id} if wire_id else {})


def read_asked(answer: Answer) -> AskResult:
    """What the station knows about the transaction."""
    if isinstance(answer, CallError | Unreadable):
        return verdicts.not_told(answer)
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


def _authorize(payload: Payload, now: datetime) -> AuthorizationAsked:  # noqa: ARG001
    return AuthorizationAsked(_token(payload["idToken"]))


def _token(token: Payload) -> TokenSeen:
    return TokenSeen(
        fields.text(token, "idToken", _LONGEST_TOKEN), fields.text(token, "type", TOKEN_TYPE_CHARS)
    )


def _event(payload: Payload, now: datetime) -> SessionEvent:
    info = payload["transactionInfo"]
    evse = payload.get("evse", {})
    token = payload.get("idToken")
    return SessionEvent(
        event_type=payload["eventType"],
        ocpp_id=fields.text(info, "transactionId", TRANSACTION_ID_CHARS),
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
    registers = fields.registers_of(values)
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


def _reservation_ended(payload: Payload, now: datetime) -> ReservationEnded:  # noqa: ARG001
    return ReservationEnded(
        fields.number(payload, "reservationId", ERRORS.property),
        fields.text(payload, "reservationUpdateStatus", 50),
    )


READERS: Mapping[str, readers.Reader] = {
    **readers.SAME_EVERYWHERE,
    "BootNotification": _boot,
    "StatusNotification": _status,
    "Authorize": _authorize,
    "TransactionEvent": _event,
    "MeterValues": _meter,
    "ReservationStatusUpdate": _reservation_ended,
    **readers.notices("NotifyReport", "NotifyEvent"),
}
"""What every 2.x version takes from a station."""

_TOKEN_TYPES = (
    "Central",
    "eMAID",
    "ISO14443",
    "ISO15693",
    "KeyCode",
    "Local",
    "MacAddress",
    "NoAuthorization",
)


def token_types(*more: str) -> dict[str, str]:
    """For `Speech.token_types`: the types that all versions know, and `more` of this one."""
    return {word.upper(): word for word in (*_TOKEN_TYPES, *more)}
