"""OCPP 2.0.1 of the simulated station. Each EVSE has one connector."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from simulator.charger.charger import Charger
from simulator.charger.model import (
    ChargingSession,
    ChargingSessionEnded,
    ChargingSessionStarted,
    ChargingSessionUpdated,
    DriverAuthorization,
    DriverToken,
    Event,
    PasswordChanged,
    Rebooting,
    ReservationEnding,
    SimulatedReservation,
    SimulatedReservationEnded,
    StatusChanged,
)
from simulator.config import StationConfig
from simulator.dialects.messages import (
    Accepted,
    CallAnswer,
    CallErrorReply,
    Outgoing,
    Payload,
    parse_time,
    stamp,
)


class V201:
    """The dialect of OCPP 2.0.1."""

    subprotocol = "ocpp2.0.1"
    unreadable = "FormatViolation"
    _reported_endings: ClassVar = frozenset({ReservationEnding.EXPIRED, ReservationEnding.REMOVED})

    def __init__(self, config: StationConfig, charger: Charger) -> None:
        self._config = config
        self._charger = charger
        self._sent_tokens: set[str] = set()
        self._sent_remote_starts: set[str] = set()
        self._sent_reservations: set[str] = set()
        self._variables = {
            ("TxCtrlr", "EVConnectionTimeOut"): f"{config.connection_timeout_s:.0f}",
            ("TxCtrlr", "TxStartPoint"): config.tx_start.value,
            ("TxCtrlr", "TxStopPoint"): "Authorized,EVConnected",
            ("OCPPCommCtrlr", "HeartbeatInterval"): f"{config.heartbeat_s or 300:.0f}",
            ("AuthCtrlr", "AuthorizeRemoteStart"): str(config.authorize_remote).lower(),
            ("SampledDataCtrlr", "TxUpdatedInterval"): f"{config.meter_interval_s:.0f}",
            ("ReservationCtrlr", "Enabled"): str(config.reserves).lower(),
            ("ReservationCtrlr", "NonEvseSpecific"): str(config.reserves_any).lower(),
        }
        self._answers: dict[str, Callable[[Payload, datetime], CallAnswer]] = {
            "RequestStartTransaction": self._request_start,
            "RequestStopTransaction": self._request_stop,
            "UnlockConnector": self._unlock,
            "Reset": self._reset,
            "ReserveNow": self._reserve,
            "CancelReservation": self._cancel_reservation,
            "ChangeAvailability": self._change_availability,
            "GetVariables": self._get_variables,
            "SetVariables": self._set_variables,
            "TriggerMessage": self._trigger,
            "GetBaseReport": lambda _payload, _now: CallAnswer({"status": "NotSupported"}),
            "DataTransfer": lambda _payload, _now: CallAnswer({"status": "UnknownVendorId"}),
            "ClearCache": lambda _payload, _now: CallAnswer({"status": "Rejected"}),
        }

    def boot(self, reason: str) -> Outgoing:
        """BootNotification."""
        config = self._config
        station = {
            "vendorName": config.vendor,
            "model": config.model,
            "serialNumber": config.serial_number,
            "firmwareVersion": config.firmware_version,
        }
        return Outgoing("BootNotification", lambda: {"reason": reason, "chargingStation": station})

    def status(self, evse_id: int, now: datetime) -> Outgoing:
        """StatusNotification of an EVSE as it is now."""
        return self._status(evse_id, self._charger.status(evse_id), now)

    def authorize(self, token: DriverToken, accepted: Accepted) -> Outgoing:
        """Authorize. `accepted` is called when the back end accepts the token."""

        def answered(result: Payload, now: datetime) -> list[Event]:
            info = result["idTokenInfo"]
            if info["status"] != "Accepted":
                return []
            group = (info.get("groupIdToken") or {}).get("idToken") or token.group
            return accepted(replace(token, group=group), now)

        return Outgoing("Authorize", lambda: {"idToken": _id_token(token)}, on_answer=answered)

    def meter_values(self, session: ChargingSession, now: datetime) -> Outgoing:
        """The periodic meter values of a running session."""
        return self._event("Updated", session, "MeterValuePeriodic", now, offline=False)

    def messages(self, event: Event, now: datetime, *, offline: bool) -> list[Outgoing]:
        """The messages about an event."""
        match event:
            case StatusChanged(evse_id, status):
                return [self._status(evse_id, status, now)]
            case ChargingSessionStarted(session, trigger):
                return [self._event("Started", session, trigger, now, offline=offline)]
            case ChargingSessionUpdated(session, trigger):
                return [self._event("Updated", session, trigger, now, offline=offline)]
            case ChargingSessionEnded(session, trigger, token):
                return [self._event("Ended", session, trigger, now, offline=offline, token=token)]
            case SimulatedReservationEnded(reservation_id, how) if how in self._reported_endings:
                update = {"reservationId": reservation_id, "reservationUpdateStatus": how.value}
                return [Outgoing("ReservationStatusUpdate", lambda: update, keep=True)]
            case _:
                return []

    def answer(self, action: str, payload: Payload, now: datetime, queued: int) -> CallAnswer:
        """The honest answer to a CALL."""
        if action == "GetTransactionStatus":
            return self._transaction_status(payload, queued)
        answer = self._answers.get(action)
        if answer is None:
            return CallAnswer(CallErrorReply("NotImplemented", f"{action} is not known here"))
        return answer(payload, now)

    def _status(self, evse_id: int, status: str, now: datetime) -> Outgoing:
        """In 2.x a plugged-in cable occupies the connector; an authorisation alone does not."""
        evse = self._charger.evses[evse_id]
        word = status if status in _STATUSES else "Occupied"
        if word == "Occupied" and not evse.plugged:
            word = "Available"
        payload = {
            "timestamp": stamp(now),
            "connectorStatus": word,
            "evseId": evse_id,
            "connectorId": 1,
        }
        return Outgoing("StatusNotification", lambda: payload)

    def _event(
        self,
        event_type: str,
        session: ChargingSession,
        trigger: str,
        now: datetime,
        *,
        offline: bool,
        token: DriverToken | None = None,
    ) -> Outgoing:
        """TransactionEvent, built when it happens: a late one keeps its time and seqNo."""
        authorization = session.authorization
        payload: Payload = {
            "eventType": event_type,
            "timestamp": stamp(now),
            "triggerReason": trigger,
            "seqNo": session.next_seq_no(),
            "offline": offline,
            "transactionInfo": self._transaction_info(event_type, session),
            "evse": {"id": session.evse_id, "connectorId": 1},
            "meterValue": self._meter_value(session, event_type, now),
        }
        if token is None and authorization is not None and self._token_is_new(session):
            token = authorization.token
        if token is not None:
            payload["idToken"] = _id_token(token)
        if session.reservation_id is not None and session.id not in self._sent_reservations:
            payload["reservationId"] = session.reservation_id
            self._sent_reservations.add(session.id)
        return Outgoing(
            "TransactionEvent",
            lambda: payload,
            keep=True,
            on_answer=self._refusal_of(authorization),
        )

    def _refusal_of(
        self, authorization: DriverAuthorization | None
    ) -> Callable[[Payload, datetime], list[Event]]:
        def answered(result: Payload, now: datetime) -> list[Event]:
            status = result.get("idTokenInfo", {}).get("status", "Accepted")
            if status == "Accepted" or authorization is None:
                return []
            return self._charger.refuse(authorization, now)

        return answered

    def _token_is_new(self, session: ChargingSession) -> bool:
        """Whether no event of this transaction has sent the token yet."""
        if session.id in self._sent_tokens:
            return False
        self._sent_tokens.add(session.id)
        return True

    def _transaction_info(self, event_type: str, session: ChargingSession) -> Payload:
        state = "Charging" if session.charging else "EVConnected"
        info: Payload = {"transactionId": session.id, "chargingState": state}
        authorization = session.authorization
        if authorization is not None and authorization.remote_start_id is not None:
            if session.id not in self._sent_remote_starts:
                info["remoteStartId"] = authorization.remote_start_id
            self._sent_remote_starts.add(session.id)
        if not self._charger.evses[session.evse_id].plugged:
            info["chargingState"] = "Idle"
        if event_type == "Ended":
            info["stoppedReason"] = session.reason
        return info

    def _meter_value(self, session: ChargingSession, event_type: str, now: datetime) -> list[Any]:
        context = {"Started": "Transaction.Begin", "Ended": "Transaction.End"}.get(
            event_type, "Sample.Periodic"
        )
        sample = {
            "value": self._charger.evses[session.evse_id].meter_at(now),
            "measurand": "Energy.Active.Import.Register",
            "context": context,
            "unitOfMeasure": {"unit": "Wh"},
        }
        return [{"timestamp": stamp(now), "sampledValue": [sample]}]

    def _request_start(self, payload: Payload, now: datetime) -> CallAnswer:
        group = payload.get("groupIdToken") or {}
        given = payload["idToken"]
        token = DriverToken(str(given["idToken"]), str(given["type"]), group.get("idToken"))
        evse_id, remote_start_id = payload.get("evseId"), int(payload["remoteStartId"])
        if self._charger.evse_for(evse_id, token) is None:
            return CallAnswer({"status": "Rejected"})

        if self._config.authorize_remote:
            ask = self.authorize(
                token,
                lambda known, then: (
                    self._charger.remote_start(evse_id, known, remote_start_id, then).events
                ),
            )
            return CallAnswer({"status": "Accepted"}, then=[ask])
        decision = self._charger.remote_start(evse_id, token, remote_start_id, now)
        reply = {"status": "Accepted"}
        if decision.running is not None:
            reply["transactionId"] = decision.running.id
        return CallAnswer(reply, decision.events)

    def _request_stop(self, payload: Payload, now: datetime) -> CallAnswer:
        session = self._charger.session_by_id(str(payload["transactionId"]))
        if session is None or not session.active:
            return CallAnswer({"status": "Rejected"})
        ended = self._charger.end(session, "RemoteStop", "Remote", now)
        return CallAnswer({"status": "Accepted"}, ended)

    def _unlock(self, payload: Payload, now: datetime) -> CallAnswer:  # noqa: ARG002
        if self._config.tethered:
            return CallAnswer(
                CallErrorReply("NotSupported", "the cables are attached to the station")
            )
        evse = self._charger.evses.get(int(payload["evseId"]))
        if evse is None or int(payload["connectorId"]) != 1:
            return CallAnswer({"status": "UnknownConnector"})
        if evse.session is not None and evse.session.authorization is not None:
            return CallAnswer({"status": "OngoingAuthorizedTransaction"})
        return CallAnswer({"status": "UnlockFailed" if evse.jammed else "Unlocked"})

    def _reset(self, payload: Payload, now: datetime) -> CallAnswer:
        kind, evse_id = str(payload["type"]), payload.get("evseId")
        if kind not in self._resets():
            return _rejected("UnsupportedParam")
        if evse_id is not None:
            return self._reset_evse(int(evse_id), kind, now)
        if kind == "OnIdle":
            at_once, events = self._charger.reset_when_idle()
            return CallAnswer({"status": "Accepted" if at_once else "Scheduled"}, events)
        return CallAnswer(
            {"status": "Accepted"}, [Rebooting("RemoteReset", ending=_ENDINGS_BY_RESET[kind])]
        )

    def _reset_evse(self, evse_id: int, kind: str, now: datetime) -> CallAnswer:
        if not self._config.resets_one_evse:
            return _rejected("UnsupportedParam")
        if evse_id not in self._charger.evses:
            return _rejected("UnknownEvse")
        if kind == "OnIdle":
            at_once, events = self._charger.reset_evse_when_idle(evse_id, now)
            return CallAnswer({"status": "Accepted" if at_once else "Scheduled"}, events)
        events = self._charger.reset_evse(evse_id, _ENDINGS_BY_RESET[kind], now)
        return CallAnswer({"status": "Accepted"}, events)

    def _resets(self) -> tuple[str, ...]:
        """The types of reset that this station supports."""
        return ("Immediate", "OnIdle")

    def _reserve(self, payload: Payload, now: datetime) -> CallAnswer:  # noqa: ARG002
        group, given = payload.get("groupIdToken") or {}, payload["idToken"]
        token = DriverToken(str(given["idToken"]), str(given["type"]), group.get("idToken"))
        evse_id = payload.get("evseId")
        expiry = parse_time(payload["expiryDateTime"])
        reservation = SimulatedReservation(
            int(payload["id"]), token, expiry, evse_id, payload.get("connectorType")
        )
        if not self._config.reserves:
            return _rejected("NotEnabled")
        if evse_id is None and not self._config.reserves_any:
            return _rejected("UnsupportedParam")
        status, events = self._charger.reserve(reservation)
        return CallAnswer({"status": status}, events)

    def _cancel_reservation(self, payload: Payload, now: datetime) -> CallAnswer:  # noqa: ARG002
        known, events = self._charger.cancel_reservation(int(payload["reservationId"]))
        return CallAnswer({"status": "Accepted" if known else "Rejected"}, events)

    def _change_availability(self, payload: Payload, now: datetime) -> CallAnswer:  # noqa: ARG002
        evse_id = (payload.get("evse") or {}).get("id")
        if evse_id is not None and evse_id not in self._charger.evses:
            return CallAnswer({"status": "Rejected"})
        at_once, events = self._charger.set_available(
            evse_id, payload["operationalStatus"] == "Operative"
        )
        return CallAnswer({"status": "Accepted" if at_once else "Scheduled"}, events)

    def _get_variables(self, payload: Payload, now: datetime) -> CallAnswer:  # noqa: ARG002
        results = []
        for asked in payload["getVariableData"]:
            value = self._variables.get((asked["component"]["name"], asked["variable"]["name"]))
            result = {"component": asked["component"], "variable": asked["variable"]}
            if value is None:
                results.append({**result, "attributeStatus": "UnknownVariable"})
            else:
                results.append({**result, "attributeStatus": "Accepted", "attributeValue": value})
        return CallAnswer({"getVariableResult": results})

    def _set_variables(self, payload: Payload, now: datetime) -> CallAnswer:  # noqa: ARG002
        results: list[Payload] = []
        events: list[Event] = []
        for asked in payload["setVariableData"]:
            component, variable = asked["component"], asked["variable"]
            name, value = (component["name"], variable["name"]), str(asked["attributeValue"])
            status = "Rejected" if name in self._variables else "UnknownVariable"
            if name == ("SecurityCtrlr", "BasicAuthPassword"):
                status = "Accepted" if 16 <= len(value) <= 40 else "Rejected"
                events += [PasswordChanged(value)] * (status == "Accepted")
            result = {"component": component, "variable": variable, "attributeStatus": status}
            results.append(result)
        return CallAnswer({"setVariableResult": results}, events)

    def _trigger(self, payload: Payload, now: datetime) -> CallAnswer:
        asked, evse_id = str(payload["requestedMessage"]), (payload.get("evse") or {}).get("id")
        evse_ids = [evse_id] if evse_id else list(self._charger.evses)
        if any(evse_id not in self._charger.evses for evse_id in evse_ids):
            return CallAnswer({"status": "Rejected"})
        sessions = [self._charger.evses[evse_id].session for evse_id in evse_ids]
        then = {
            "BootNotification": lambda: [self.boot("Triggered")],
            "Heartbeat": lambda: [Outgoing("Heartbeat", dict)],
            "StatusNotification": lambda: [self.status(evse_id, now) for evse_id in evse_ids],
            "TransactionEvent": lambda: [
                self._event("Updated", session, "Trigger", now, offline=False)
                for session in sessions
                if session is not None
            ],
        }.get(asked)
        if then is None:
            return CallAnswer({"status": "NotImplemented"})
        return CallAnswer({"status": "Accepted"}, then=then())

    def _transaction_status(self, payload: Payload, queued: int) -> CallAnswer:
        reply: Payload = {"messagesInQueue": queued > 0}
        if "transactionId" in payload:
            session = self._charger.session_by_id(str(payload["transactionId"]))
            reply["ongoingIndicator"] = session is not None and session.active
        return CallAnswer(reply)


_STATUSES = ("Available", "Reserved", "Unavailable", "Faulted")
_ENDINGS_BY_RESET = {"Immediate": "ImmediateReset", "ImmediateAndResume": None}


def _rejected(reason_code: str) -> CallAnswer:
    return CallAnswer({"status": "Rejected", "statusInfo": {"reasonCode": reason_code}})


def _id_token(token: DriverToken) -> Payload:
    return {"idToken": token.value, "type": token.type}
