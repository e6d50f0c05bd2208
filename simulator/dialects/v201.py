"""OCPP 2.0.1 as the simulated station speaks it. One connector per EVSE."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from simulator.charger.charger import Charger
from simulator.config import StationConfig
from simulator.dialects.messages import (
    Accepted,
    Answer,
    Outgoing,
    Payload,
    Refusal,
    parse_time,
    stamp,
)
from simulator.charger.model import (
    Authorization,
    Event,
    Rebooting,
    Reservation,
    ReservationEnd,
    ReservationEnded,
    Session,
    SessionEnded,
    SessionStarted,
    SessionUpdated,
    StatusChanged,
    Token,
)


class V201:
    """The dialect of OCPP 2.0.1."""

    subprotocol = "ocpp2.0.1"
    unreadable = "FormatViolation"
    _endings: ClassVar = frozenset({ReservationEnd.EXPIRED, ReservationEnd.REMOVED})

    def __init__(self, config: StationConfig, charger: Charger) -> None:
        self._config = config
        self._charger = charger
        self._told_tokens: set[str] = set()
        self._told_remote_starts: set[str] = set()
        self._told_reservations: set[str] = set()
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
        self._answers: dict[str, Callable[[Payload, datetime], Answer]] = {
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
            "GetBaseReport": lambda _payload, _now: Answer({"status": "NotSupported"}),
            "DataTransfer": lambda _payload, _now: Answer({"status": "UnknownVendorId"}),
            "ClearCache": lambda _payload, _now: Answer({"status": "Rejected"}),
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
        """StatusNotification of an outlet as it is now."""
        return self._status(evse_id, self._charger.status(evse_id), now)

    def authorize(self, token: Token, accepted: Accepted) -> Outgoing:
        """Authorize; `accepted` happens when the back end takes the token."""

        def heard(result: Payload, now: datetime) -> list[Event]:
            info = result["idTokenInfo"]
            if info["status"] != "Accepted":
                return []
            group = (info.get("groupIdToken") or {}).get("idToken") or token.group
            return accepted(replace(token, group=group), now)

        return Outgoing("Authorize", lambda: {"idToken": _id_token(token)}, heard=heard)

    def meter_values(self, session: Session, now: datetime) -> Outgoing:
        """The periodic meter values of a running session."""
        return self._event("Updated", session, "MeterValuePeriodic", now, offline=False)

    def messages(self, event: Event, now: datetime, *, offline: bool) -> list[Outgoing]:
        """What is told about an event."""
        match event:
            case StatusChanged(evse_id, status):
                return [self._status(evse_id, status, now)]
            case SessionStarted(session, trigger):
                return [self._event("Started", session, trigger, now, offline=offline)]
            case SessionUpdated(session, trigger):
                return [self._event("Updated", session, trigger, now, offline=offline)]
            case SessionEnded(session, trigger, token):
                return [self._event("Ended", session, trigger, now, offline=offline, token=token)]
            case ReservationEnded(reservation_id, how) if how in self._endings:
                update = {"reservationId": reservation_id, "reservationUpdateStatus": how.value}
                return [Outgoing("ReservationStatusUpdate", lambda: update, keep=True)]
            case _:
                return []

    def answer(self, action: str, payload: Payload, now: datetime, queued: int) -> Answer:
        """The honest answer."""
        if action == "GetTransactionStatus":
            return self._transaction_status(payload, queued)
        answer = self._answers.get(action)
        if answer is None:
            return Answer(Refusal("NotImplemented", f"{action} is not known here"))
        return answer(payload, now)

    def _status(self, evse_id: int, status: str, now: datetime) -> Outgoing:
        """2.x: a plugged-in cable occupies the connector; a mere authorisation does not."""
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
        session: Session,
        trigger: str,
        now: datetime,
        *,
        offline: bool,
        token: Token | None = None,
    ) -> Outgoing:
        """TransactionEvent, made when it happens: replayed events keep their time and number."""
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
        told = token or (authorization.token if authorization and self._is_news(session) else None)
        if told is not None:
            payload["idToken"] = _id_token(told)
        if session.reservation_id is not None and session.id not in self._told_reservations:
            payload["reservationId"] = session.reservation_id
            self._told_reservations.add(session.id)
        return Outgoing(
            "TransactionEvent",
            lambda: payload,
            keep=True,
            heard=self._judged(authorization),
        )

    def _judged(
        self, authorization: Authorization | None
    ) -> Callable[[Payload, datetime], list[Event]]:
        def heard(result: Payload, now: datetime) -> list[Event]:
            status = result.get("idTokenInfo", {}).get("status", "Accepted")
            if status == "Accepted" or authorization is None:
                return []
            return self._charger.refuse(authorization, now)

        return heard

    def _is_news(self, session: Session) -> bool:
        """A token is told once per transaction, with the first event that knows it."""
        if session.id in self._told_tokens:
            return False
        self._told_tokens.add(session.id)
        return True

    def _transaction_info(self, event_type: str, session: Session) -> Payload:
        state = "Charging" if session.charging else "EVConnected"
        info: Payload = {"transactionId": session.id, "chargingState": state}
        authorization = session.authorization
        if authorization is not None and authorization.remote_start_id is not None:
            if session.id not in self._told_remote_starts:
                info["remoteStartId"] = authorization.remote_start_id
            self._told_remote_starts.add(session.id)
        if not self._charger.evses[session.evse_id].plugged:
            info["chargingState"] = "Idle"
        if event_type == "Ended":
            info["stoppedReason"] = session.reason
        return info

    def _meter_value(self, session: Session, event_type: str, now: datetime) -> list[Any]:
        context = {"Started": "Transaction.Begin", "Ended": "Transaction.End"}.get(
            event_type, "Sample.Periodic"
        )
        sample = {
            "value": self._charger.meter_wh(session.evse_id, now),
            "measurand": "Energy.Active.Import.Register",
            "context": context,
            "unitOfMeasure": {"unit": "Wh"},
        }
        return [{"timestamp": stamp(now), "sampledValue": [sample]}]

    def _request_start(self, payload: Payload, now: datetime) -> Answer:
        group = payload.get("groupIdToken") or {}
        given = payload["idToken"]
        token = Token(str(given["idToken"]), str(given["type"]), group.get("idToken"))
        evse_id, remote_start_id = payload.get("evseId"), int(payload["remoteStartId"])
        if self._charger.outlet_for(evse_id, token) is None:
            return Answer({"status": "Rejected"})

        if self._config.authorize_remote:
            ask = self.authorize(
                token,
                lambda known, then: (
                    self._charger.remote_start(evse_id, known, remote_start_id, then).events
                ),
            )
            return Answer({"status": "Accepted"}, then=[ask])
        decision = self._charger.remote_start(evse_id, token, remote_start_id, now)
        reply = {"status": "Accepted"}
        if decision.running is not None:
            reply["transactionId"] = decision.running.id
        return Answer(reply, decision.events)

    def _request_stop(self, payload: Payload, now: datetime) -> Answer:
        session = self._charger.session_by_id(str(payload["transactionId"]))
        if session is None or not session.active:
            return Answer({"status": "Rejected"})
        ended = self._charger.end(session, "RemoteStop", "Remote", now)
        return Answer({"status": "Accepted"}, ended)

    def _unlock(self, payload: Payload, now: datetime) -> Answer:  # noqa: ARG002
        if self._config.tethered:
            return Answer(Refusal("NotSupported", "the cables are attached to the station"))
        evse = self._charger.evses.get(int(payload["evseId"]))
        if evse is None or int(payload["connectorId"]) != 1:
            return Answer({"status": "UnknownConnector"})
        if evse.session is not None and evse.session.authorization is not None:
            return Answer({"status": "OngoingAuthorizedTransaction"})
        return Answer({"status": "UnlockFailed" if evse.jammed else "Unlocked"})

    def _reset(self, payload: Payload, now: datetime) -> Answer:
        kind, evse_id = str(payload["type"]), payload.get("evseId")
        if kind not in self._resets():
            return _rejected("UnsupportedParam")
        if evse_id is not None:
            return self._reset_evse(int(evse_id), kind, now)
        if kind == "OnIdle":
            at_once, events = self._charger.reset_when_idle()
            return Answer({"status": "Accepted" if at_once else "Scheduled"}, events)
        return Answer(
            {"status": "Accepted"}, [Rebooting("RemoteReset", ending=_ENDINGS_BY_RESET[kind])]
        )

    def _reset_evse(self, evse_id: int, kind: str, now: datetime) -> Answer:
        if not self._config.resets_one_evse:
            return _rejected("UnsupportedParam")
        if evse_id not in self._charger.evses:
            return _rejected("UnknownEvse")
        if kind == "OnIdle":
            at_once, events = self._charger.reset_evse_when_idle(evse_id, now)
            return Answer({"status": "Accepted" if at_once else "Scheduled"}, events)
        events = self._charger.reset_evse(evse_id, _ENDINGS_BY_RESET[kind], now)
        return Answer({"status": "Accepted"}, events)

    def _resets(self) -> tuple[str, ...]:
        """The kinds of reset that this station knows."""
        return ("Immediate", "OnIdle")

    def _reserve(self, payload: Payload, now: datetime) -> Answer:  # noqa: ARG002
        group, given = payload.get("groupIdToken") or {}, payload["idToken"]
        token = Token(str(given["idToken"]), str(given["type"]), group.get("idToken"))
        evse_id = payload.get("evseId")
        expiry = parse_time(payload["expiryDateTime"])
        hold = Reservation(int(payload["id"]), token, expiry, evse_id, payload.get("connectorType"))
        if not self._config.reserves:
            return _rejected("NotEnabled")
        if evse_id is None and not self._config.reserves_any:
            return _rejected("UnsupportedParam")
        status, events = self._charger.reserve(hold)
        return Answer({"status": status}, events)

    def _cancel_reservation(self, payload: Payload, now: datetime) -> Answer:  # noqa: ARG002
        known, events = self._charger.cancel_reservation(int(payload["reservationId"]))
        return Answer({"status": "Accepted" if known else "Rejected"}, events)

    def _change_availability(self, payload: Payload, now: datetime) -> Answer:  # noqa: ARG002
        evse_id = (payload.get("evse") or {}).get("id")
        if evse_id is not None and evse_id not in self._charger.evses:
            return Answer({"status": "Rejected"})
        at_once, events = self._charger.set_available(
            evse_id, payload["operationalStatus"] == "Operative"
        )
        return Answer({"status": "Accepted" if at_once else "Scheduled"}, events)

    def _get_variables(self, payload: Payload, now: datetime) -> Answer:  # noqa: ARG002
        results = []
        for asked in payload["getVariableData"]:
            value = self._variables.get((asked["component"]["name"], asked["variable"]["name"]))
            result = {"component": asked["component"], "variable": asked["variable"]}
            if value is None:
                results.append({**result, "attributeStatus": "UnknownVariable"})
            else:
                results.append({**result, "attributeStatus": "Accepted", "attributeValue": value})
        return Answer({"getVariableResult": results})

    def _set_variables(self, payload: Payload, now: datetime) -> Answer:  # noqa: ARG002
        results = [
            {
                "component": asked["component"],
                "variable": asked["variable"],
                "attributeStatus": "Rejected"
                if (asked["component"]["name"], asked["variable"]["name"]) in self._variables
                else "UnknownVariable",
            }
            for asked in payload["setVariableData"]
        ]
        return Answer({"setVariableResult": results})

    def _trigger(self, payload: Payload, now: datetime) -> Answer:
        asked, evse_id = str(payload["requestedMessage"]), (payload.get("evse") or {}).get("id")
        outlets = [evse_id] if evse_id else list(self._charger.evses)
        if any(outlet not in self._charger.evses for outlet in outlets):
            return Answer({"status": "Rejected"})
        sessions = [self._charger.evses[outlet].session for outlet in outlets]
        then = {
            "BootNotification": lambda: [self.boot("Triggered")],
            "Heartbeat": lambda: [Outgoing("Heartbeat", dict)],
            "StatusNotification": lambda: [self.status(outlet, now) for outlet in outlets],
            "TransactionEvent": lambda: [
                self._event("Updated", session, "Trigger", now, offline=False)
                for session in sessions
                if session is not None
            ],
        }.get(asked)
        if then is None:
            return Answer({"status": "NotImplemented"})
        return Answer({"status": "Accepted"}, then=then())

    def _transaction_status(self, payload: Payload, queued: int) -> Answer:
        reply: Payload = {"messagesInQueue": queued > 0}
        if "transactionId" in payload:
            session = self._charger.session_by_id(str(payload["transactionId"]))
            reply["ongoingIndicator"] = session is not None and session.active
        return Answer(reply)


_STATUSES = ("Available", "Reserved", "Unavailable", "Faulted")
_ENDINGS_BY_RESET = {"Immediate": "ImmediateReset", "ImmediateAndResume": None}


def _rejected(reason_code: str) -> Answer:
    return Answer({"status": "Rejected", "statusInfo": {"reasonCode": reason_code}})


def _id_token(token: Token) -> Payload:
    return {"idToken": token.value, "type": token.type}
