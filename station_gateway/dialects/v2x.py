"""What OCPP 2.0.1 and 2.1 share, which is nearly everything.

A version differs in its schemas, in its capabilities and in a few more messages: that is what a
`Speech` is made of. Transaction ids are the station's own; what ties a session to our start is
`remoteStartId`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
from domain.ocpp_words import CAPABILITIES, Capabilities, password_fits
from station_gateway.dialects import command_words, fields, schedules, verdicts
from station_gateway.dialects.command_words import (
    CommandWords,
    FrameParts,
    Question,
    QuestionSubject,
    not_told,
    read_trigger,
)
from station_gateway.dialects.mending.mends import LONGEST_ID
from station_gateway.dialects.messages import (
    Answer,
    Authorization,
    AuthorizationAsked,
    Confirmation,
    OutgoingCall,
    Payload,
    QuestionAnswer,
    SessionEvent,
    StationCall,
    Unreadable,
    Unsendable,
)
from station_gateway.dialects.station_calls import readers, replies, v2x_readers

ERRORS = v2x_readers.ERRORS
ONE_EFFECT = replies.ONE_EFFECT
READERS = v2x_readers.READERS

TOKEN_TYPE_CHARS = v2x_readers.TOKEN_TYPE_CHARS
CONNECTOR_TYPE_CHARS = 20

_UNLOCK_WORDS: Mapping[str, Verdict] = {
    "Unlocked": Verdict.ACCEPTED,
    "UnlockFailed": Verdict.FAILED,
    "OngoingAuthorizedTransaction": Verdict.REJECTED,
    "UnknownConnector": Verdict.REJECTED,
}
_RESET_WORDS: Mapping[str, Verdict] = {**verdicts.YES_OR_NO, "Scheduled": Verdict.SCHEDULED}

_RESETS: Mapping[ResetMode, str] = {
    ResetMode.SOFT: "Immediate",
    ResetMode.HARD: "Immediate",
    ResetMode.ON_IDLE: "OnIdle",
    ResetMode.IMMEDIATE_AND_RESUME: "ImmediateAndResume",
}
"""2.x knows no gentle immediate restart: what 1.6 calls Soft and Hard is one word here."""


# --- questions


def _get_transaction_status(subject: QuestionSubject) -> OutgoingCall:
    """Without a transaction id it asks whether any messages wait on the station."""
    transaction_id = subject.ocpp_transaction_id
    return "GetTransactionStatus", ({"transactionId": transaction_id} if transaction_id else {})


def _read_transaction_status(answer: Answer) -> QuestionAnswer:
    if isinstance(answer, CallError | Unreadable):
        return not_told(answer)
    return QuestionAnswer(
        ongoing=answer.get("ongoingIndicator"), messages_in_queue=answer.get("messagesInQueue")
    )


def _trigger_status(subject: QuestionSubject) -> OutgoingCall:
    """Stations refuse an EVSE without a connector (2.0.1 part 2, F06.FR.13): 1 stands for it."""
    payload: Payload = {"requestedMessage": "StatusNotification"}
    if subject.evse_id is not None:
        payload["evse"] = {"id": subject.evse_id, "connectorId": subject.connector_id or 1}
    return "TriggerMessage", payload


_TRANSACTION = Question(_get_transaction_status, _read_transaction_status)
_CONNECTOR = Question(_trigger_status, read_trigger, each_connector=True)


# --- commands


@dataclass(frozen=True, slots=True)
class Speech:
    """How one 2.x version is spoken.

    version: as in `CAPABILITIES`. readers: by action, all that is taken from a station.
    token_types: this version's spelling by the word in capitals without underscores.
    connector_types: the words for one; None: any word of a bounded length.
    """

    version: str
    readers: Mapping[str, readers.Reader]
    token_types: Mapping[str, str]
    connector_types: frozenset[str] | None = None

    @property
    def _can(self) -> Capabilities:
        return CAPABILITIES[self.version]

    def commands(self) -> Mapping[Kind, CommandWords[Any]]:
        """Every command in the words of this version."""
        yes_or_no, reserve_words = verdicts.YES_OR_NO, verdicts.RESERVE_NOW
        return {
            Kind.START_SESSION: CommandWords(self._start, yes_or_no, _TRANSACTION),
            Kind.STOP_SESSION: CommandWords(self._stop, yes_or_no, _TRANSACTION),
            Kind.UNLOCK_CONNECTOR: CommandWords(_unlock, _UNLOCK_WORDS, _CONNECTOR),
            Kind.RESET: CommandWords(self._reset, _RESET_WORDS, _CONNECTOR),
            Kind.RESERVE_NOW: CommandWords(self._reserve_now, reserve_words, _CONNECTOR),
            Kind.CANCEL_RESERVATION: CommandWords(_cancel_reservation, yes_or_no, _CONNECTOR),
        }

    def _start(self, spec: StartSpec, parts: FrameParts) -> OutgoingCall:
        """RequestStartTransaction.

        Raises:
            Unsendable: a token is too long or its type unknown, or the profile is no TxProfile.
        """
        payload: Payload = {
            "idToken": self._write_token(parts.id_token or "", spec.id_token.type),
            "remoteStartId": parts.number,
        }
        if spec.evse_id is not None:
            payload["evseId"] = spec.evse_id
        if spec.group_id_token is not None and parts.group_id_token is not None:
            group_type = spec.group_id_token.type
            payload["groupIdToken"] = self._write_token(parts.group_id_token, group_type)
        if spec.charging_profile is not None:
            payload["chargingProfile"] = _profile(spec.charging_profile, parts.number)
        return "RequestStartTransaction", payload

    def _write_token(self, value: str, type_: str) -> Payload:
        word = self._token_type(type_)
        if word is None:
            raise Unsendable(f"id_token.type: not a type of OCPP {self.version}")
        if len(value) > self._can.id_token_chars or (not value and word != "NoAuthorization"):
            raise Unsendable(
                f"id_token: OCPP {self.version} takes 1 to {self._can.id_token_chars} characters"
            )
        return {"idToken": value, "type": word}

    def _token_type(self, type_: str) -> str | None:
        """The type as this version spells it; None when it cannot."""
        free = type_ if self._can.any_token_type and 0 < len(type_) <= TOKEN_TYPE_CHARS else None
        return self.token_types.get(type_.upper().replace("_", ""), free)

    def _stop(self, spec: StopSpec, parts: FrameParts) -> OutgoingCall:  # noqa: ARG002
        """RequestStopTransaction.

        Raises:
            Unsendable: the transaction id has not 1 to 255 characters. The standard has 36; a
                station that uses a longer one understands it.
        """
        if not 0 < len(spec.found_ocpp_transaction_id) <= LONGEST_ID:
            raise Unsendable(f"transaction_id: has not 1 to {LONGEST_ID} characters")
        return "RequestStopTransaction", {"transactionId": spec.found_ocpp_transaction_id}

    def _reset(self, spec: ResetSpec, parts: FrameParts) -> OutgoingCall:  # noqa: ARG002
        """Reset.

        Raises:
            Unsendable: this version does not know the mode, or the id is out of range.
        """
        modes = self._can.reset_modes
        if spec.mode not in modes:
            raise Unsendable(f"mode: OCPP {self.version} takes {', '.join(sorted(modes))}")
        payload: Payload = {"type": _RESETS[spec.mode]}
        if spec.evse_id is not None:
            payload["evseId"] = fields.sendable(spec.evse_id, 1, "evse_id")
        return "Reset", payload

    def _reserve_now(self, spec: ReserveSpec, parts: FrameParts) -> OutgoingCall:
        """ReserveNow. It reserves a whole EVSE: a connector's number is not said.

        Raises:
            Unsendable: a token is too long, the type of a token or of the connector is unknown, or
                an id is out of range.
        """
        payload: Payload = {
            "id": fields.sendable(spec.wire_id, 0, "wire_id"),
            "expiryDateTime": fields.write_end(spec.expire_time),
            "idToken": self._write_token(parts.id_token or "", spec.id_token.type),
        }
        if spec.evse_id is not None:
            payload["evseId"] = fields.sendable(spec.evse_id, 1, "evse_id")
        if spec.connector_type:
            payload["connectorType"] = self._connector_type(spec.connector_type)
        if spec.group_id_token is not None and parts.group_id_token is not None:
            group_type = spec.group_id_token.type
            payload["groupIdToken"] = self._write_token(parts.group_id_token, group_type)
        return "ReserveNow", payload

    def _connector_type(self, type_: str) -> str:
        known = self.connector_types
        if len(type_) > CONNECTOR_TYPE_CHARS or (known is not None and type_ not in known):
            raise Unsendable(f"connector_type: not a type of OCPP {self.version}")
        return type_

    def set_password(self, password: str) -> OutgoingCall:
        """SetVariables of SecurityCtrlr.BasicAuthPassword.

        Raises:
            Unsendable: it has not 16 to 40 characters.
        """
        if not password_fits(password, self._can):
            raise Unsendable(f"the password has not the 16 to 40 characters of OCPP {self.version}")
        return "SetVariables", {
            "setVariableData": [
                {
                    "component": {"name": "SecurityCtrlr"},
                    "variable": {"name": "BasicAuthPassword"},
                    "attributeValue": password,
                }
            ]
        }

    def read_call(self, action: str, payload: Payload, now: datetime) -> StationCall:
        """The message of a station, after `check_call` let it pass.

        Raises:
            CallRefused: a value is out of all bounds, or the action is not handled.
        """
        return readers.read(self.readers, action, payload, now)

    def reply(self, call: StationCall, said: Confirmation) -> Payload:
        """The CALLRESULT payload for a message that `read_call` made."""
        match call:
            case AuthorizationAsked(certificate=True):
                # Nobody here checks contracts: their token is not accepted on its own word.
                return {
                    "idTokenInfo": {"status": "Invalid"},
                    "certificateStatus": "NoCertificateAvailable",
                }
            case AuthorizationAsked():
                return {"idTokenInfo": self._id_token_info(said.authorization)}
            case SessionEvent() if said.authorization is not None:
                return {"idTokenInfo": self._id_token_info(said.authorization)}
            case _:
                return replies.reply(call, said)

    def _id_token_info(self, authorization: Authorization | None) -> Payload:
        """The idTokenInfo. A token without a judgement is Invalid."""
        if authorization is None:
            return {"status": "Invalid"}
        info: Payload = {"status": replies.TOKEN_WORDS[authorization.verdict]}
        if authorization.group and len(authorization.group) <= self._can.id_token_chars:
            type_ = self._token_type(authorization.group_type) or "Central"
            info["groupIdToken"] = {"idToken": authorization.group, "type": type_}
        if authorization.expire_time is not None:
            info["cacheExpiryDateTime"] = fields.write_time(authorization.expire_time)
        return info


def _unlock(spec: UnlockSpec, parts: FrameParts) -> OutgoingCall:  # noqa: ARG001
    """UnlockConnector. Raises: Unsendable when an id is out of range."""
    return "UnlockConnector", {
        "evseId": fields.sendable(spec.on_evse, 1, "evse_id"),
        "connectorId": fields.sendable(spec.on_connector, 1, "connector_id"),
    }


def _cancel_reservation(spec: CancelReservationSpec, parts: FrameParts) -> OutgoingCall:  # noqa: ARG001
    """CancelReservation. Raises: Unsendable when the id has no 32 bits."""
    reservation_id = fields.sendable(spec.wire_id, 0, "wire_id")
    return "CancelReservation", {"reservationId": reservation_id}


def _profile(profile: ChargingProfile, profile_id: int) -> Payload:
    return {
        "id": profile_id,
        "stackLevel": profile.stack_level,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": profile.profile_kind,
        "chargingSchedule": [{"id": profile_id, **schedules.write(profile)}],
    }


ask_boot = command_words.ask_boot


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


_PASSWORD_WORDS = {
    **verdicts.YES_OR_NO,
    "RebootRequired": Verdict.SCHEDULED,
    "NotSupportedAttributeType": Verdict.NOT_SUPPORTED,
    "UnknownComponent": Verdict.NOT_SUPPORTED,
    "UnknownVariable": Verdict.NOT_SUPPORTED,
}


def read_set_password(answer: Answer) -> StationAnswer:
    """Whether the station takes the password, from the one result that it was asked for."""
    if isinstance(answer, dict):
        results = answer.get("setVariableResult") or [{}]
        answer = {"status": results[0].get("attributeStatus")}
    return verdicts.read_status(_PASSWORD_WORDS, answer)


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
    """The `token_types` of a `Speech`: the types that all versions know, and `more` of this one."""
    return {word.upper(): word for word in (*_TOKEN_TYPES, *more)}
