"""What OCPP 2.0.1 and 2.1 share, which is nearly everything: payloads to the domain's words.

A version differs in its schemas, in its limits for tokens and in a few more messages: that is what
a `Speech` is made of. Transaction ids are the station's own; what ties a session to our start is
`remoteStartId`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

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
from station_gateway.dialects import fields, readers, schedules, v2x_readers, verdicts, words
from station_gateway.dialects.interface import Answer
from station_gateway.dialects.messages import (
    Authorization,
    AuthorizationAsked,
    Confirmation,
    OutgoingCall,
    Payload,
    SessionEvent,
    StationCall,
    Unreadable,
    Unsendable,
)

ERRORS = v2x_readers.ERRORS
READERS = v2x_readers.READERS

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

TOKEN_TYPE_CHARS = v2x_readers.TOKEN_TYPE_CHARS
TRANSACTION_ID_CHARS = v2x_readers.TRANSACTION_ID_CHARS
CONNECTOR_TYPE_CHARS = 20
RESETS: Mapping[ResetMode, str] = {
    ResetMode.SOFT: "Immediate",
    ResetMode.HARD: "Immediate",
    ResetMode.ON_IDLE: "OnIdle",
}
"""2.x knows no gentle immediate restart: what 1.6 calls Soft and Hard is one word here."""


# --- what we ask


@dataclass(frozen=True, slots=True)
class Speech:
    """How one 2.x version is spoken.

    version: for messages to humans. readers: by action, all that is taken from a station.
    id_token_chars: how long a token may be. token_types: this version's spelling by the word in
    capitals without underscores. any_token_type: whether other types may be written as they are.
    connector_types: the words for one; None: any word of a bounded length. resets: its modes.
    """

    version: str
    readers: Mapping[str, readers.Reader]
    id_token_chars: int
    token_types: Mapping[str, str]
    any_token_type: bool = False
    connector_types: frozenset[str] | None = None
    resets: Mapping[ResetMode, str] = field(default_factory=lambda: RESETS)

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

    def unlock(self, spec: UnlockSpec) -> OutgoingCall:
        """UnlockConnector.

        Raises:
            Unsendable: an id is none.
        """
        return "UnlockConnector", {
            "evseId": fields.sendable(spec.on_evse, 1, "evse_id"),
            "connectorId": fields.sendable(spec.on_connector, 1, "connector_id"),
        }

    def reset(self, spec: ResetSpec) -> OutgoingCall:
        """Reset.

        Raises:
            Unsendable: this version does not know the mode, or the id is none.
        """
        word = self.resets.get(spec.mode)
        if word is None:
            raise Unsendable(f"mode: OCPP {self.version} takes {', '.join(self.resets)}")
        payload: Payload = {"type": word}
        if spec.evse_id is not None:
            payload["evseId"] = fields.sendable(spec.evse_id, 1, "evse_id")
        return "Reset", payload

    def reserve(
        self, spec: ReserveSpec, *, token_value: str, group_token_value: str | None
    ) -> OutgoingCall:
        """ReserveNow. It holds a whole EVSE: a connector's number is not said.

        Raises:
            Unsendable: a token is too long or its type unknown, so is the connector's, or an id
                is none.
        """
        payload: Payload = {
            "id": fields.sendable(spec.wire_id, 0, "wire_id"),
            "expiryDateTime": fields.write_time(spec.expire_time),
            "idToken": self._write_token(token_value, spec.id_token.type),
        }
        if spec.evse_id is not None:
            payload["evseId"] = fields.sendable(spec.evse_id, 1, "evse_id")
        if spec.connector_type:
            payload["connectorType"] = self._connector_type(spec.connector_type)
        if spec.group_id_token is not None and group_token_value is not None:
            payload["groupIdToken"] = self._write_token(group_token_value, spec.group_id_token.type)
        return "ReserveNow", payload

    def _connector_type(self, type_: str) -> str:
        known = self.connector_types
        if len(type_) > CONNECTOR_TYPE_CHARS or (known is not None and type_ not in known):
            raise Unsendable(f"connector_type: not a type of OCPP {self.version}")
        return type_

    def cancel_reservation(self, spec: CancelReservationSpec) -> OutgoingCall:
        """CancelReservation.

        Raises:
            Unsendable: the id has no 32 bits.
        """
        wire_id = fields.sendable(spec.wire_id, 0, "wire_id")
        return "CancelReservation", {"reservationId": wire_id}

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


_ABOUT_SESSIONS = frozenset({Kind.START_SESSION, Kind.STOP_SESSION})


def ask(
    kind: Kind,
    *,
    evse_id: int | None = None,
    connector_id: int | None = None,
    wire_id: str = "",
) -> OutgoingCall:
    """About a session GetTransactionStatus; without `wire_id`, whether messages wait there.

    About all else TriggerMessage of StatusNotification, which stations refuse without a connector
    (2.0.1 part 2, F06.FR.13): the first one stands for its EVSE.
    """
    if kind in _ABOUT_SESSIONS:
        return "GetTransactionStatus", ({"transactionId": wire_id} if wire_id else {})
    payload: Payload = {"requestedMessage": "StatusNotification"}
    if evse_id is not None:
        payload["evse"] = {"id": evse_id, "connectorId": connector_id or 1}
    return "TriggerMessage", payload


def read_asked(answer: Answer) -> AskStationResult:
    """What the station knows about the transaction, or whether it will send what was asked for."""
    if isinstance(answer, CallError | Unreadable):
        return verdicts.not_told(answer)
    return AskStationResult(
        asked=True,
        ongoing=answer.get("ongoingIndicator"),
        messages_in_queue=answer.get("messagesInQueue"),
        detail=fields.text(answer, "status", verdicts.STATUS_CHARS),
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
