"""OCPP 1.6 as the simulated station speaks it. Connector n is outlet n; one connector each."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

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
    Event,
    Rebooting,
    Reservation,
    Session,
    SessionEnded,
    SessionStarted,
    StatusChanged,
    Token,
)


class V16:
    """The dialect of OCPP 1.6J."""

    subprotocol = "ocpp1.6"
    unreadable = "FormationViolation"

    def __init__(self, config: StationConfig, charger: Charger) -> None:
        self._config = config
        self._charger = charger
        self._groups: dict[str, str] = {}
        self._settings = {
            "AuthorizeRemoteTxRequests": str(config.authorize_remote).lower(),
            "ConnectionTimeOut": f"{config.connection_timeout_s:.0f}",
            "HeartbeatInterval": f"{config.heartbeat_s or 300:.0f}",
            "MeterValueSampleInterval": f"{config.meter_interval_s:.0f}",
            "MeterValuesSampledData": "Energy.Active.Import.Register,Power.Active.Import",
            "NumberOfConnectors": str(config.evses),
            "ReserveConnectorZeroSupported": str(config.reserves_any).lower(),
            "SupportedFeatureProfiles": f"Core,{'Reservation,' * config.reserves}RemoteTrigger",
        }
        self._answers: dict[str, Callable[[Payload, datetime], Answer]] = {
            "RemoteStartTransaction": self._remote_start,
            "RemoteStopTransaction": self._remote_stop,
            "UnlockConnector": self._unlock,
            "Reset": self._reset,
            "ReserveNow": self._reserve,
            "CancelReservation": self._cancel_reservation,
            "ChangeAvailability": self._change_availability,
            "GetConfiguration": self._get_configuration,
            "ChangeConfiguration": self._change_configuration,
            "TriggerMessage": self._trigger,
            "DataTransfer": lambda _payload, _now: Answer({"status": "UnknownVendorId"}),
            "ClearCache": lambda _payload, _now: Answer({"status": "Rejected"}),
        }

    def boot(self, reason: str) -> Outgoing:  # noqa: ARG002 - 1.6 tells no reason
        """BootNotification."""
        config = self._config
        payload = {
            "chargePointVendor": config.vendor,
            "chargePointModel": config.model,
            "chargePointSerialNumber": config.serial_number,
            "firmwareVersion": config.firmware_version,
        }
        return Outgoing("BootNotification", lambda: payload)

    def status(self, evse_id: int, now: datetime) -> Outgoing:
        """StatusNotification of an outlet as it is now."""
        return self._status(evse_id, self._charger.status(evse_id), now)

    def authorize(self, token: Token, accepted: Accepted) -> Outgoing:
        """Authorize; `accepted` happens when the back end takes the token."""

        def heard(result: Payload, now: datetime) -> list[Event]:
            self._learn_group(token, result)
            return accepted(self._with_group(token), now) if _is_accepted(result) else []

        return Outgoing("Authorize", lambda: {"idTag": token.value}, heard=heard)

    def meter_values(self, session: Session, now: datetime) -> Outgoing:
        """The periodic meter values of a running session."""
        return self._meter_values(session.evse_id, session, "Sample.Periodic", now)

    def messages(
        self,
        event: Event,
        now: datetime,
        *,
        offline: bool,  # noqa: ARG002 - 1.6 has no word for it
    ) -> list[Outgoing]:
        """What is told about an event."""
        match event:
            case StatusChanged(evse_id, status):
                return [self._status(evse_id, status, now)]
            case SessionStarted(session):
                return [self._start_transaction(session)]
            case SessionEnded(session, _trigger, token):
                return [self._stop_transaction(session, token)]
            case _:
                return []

    def answer(self, action: str, payload: Payload, now: datetime, queued: int) -> Answer:  # noqa: ARG002
        """The honest answer."""
        answer = self._answers.get(action)
        if answer is None:
            return Answer(Refusal("NotImplemented", f"{action} is not known here"))
        return answer(payload, now)

    def _status(self, evse_id: int, status: str, now: datetime) -> Outgoing:
        payload = {
            "connectorId": evse_id,
            "errorCode": "GroundFailure" if status == "Faulted" else "NoError",
            "status": status,
            "timestamp": stamp(now),
        }
        return Outgoing("StatusNotification", lambda: payload)

    def _start_transaction(self, session: Session) -> Outgoing:
        authorization = session.authorization
        if authorization is None:
            raise AssertionError("a 1.6 transaction begins with somebody authorised")
        payload: Payload = {
            "connectorId": session.evse_id,
            "idTag": authorization.token.value,
            "meterStart": session.meter_start_wh,
            "timestamp": stamp(session.start_time),
        }
        if session.reservation_id is not None:
            payload["reservationId"] = session.reservation_id

        def heard(result: Payload, now: datetime) -> list[Event]:
            session.wire_id = int(result["transactionId"])
            self._learn_group(authorization.token, result)
            if _is_accepted(result):
                return []
            return self._charger.refuse(authorization, now)

        return Outgoing("StartTransaction", lambda: payload, keep=True, heard=heard)

    def _stop_transaction(self, session: Session, token: Token | None) -> Outgoing:
        payload: Payload = {
            "meterStop": session.meter_stop_wh,
            "timestamp": stamp(session.end_time or session.start_time),
            "reason": _REASONS.get(session.reason, session.reason),
        }
        if token is not None:
            payload["idTag"] = token.value
        return Outgoing(
            "StopTransaction",
            # -1: what stations send that never heard which id their transaction got.
            lambda: {
                "transactionId": -1 if session.wire_id is None else session.wire_id,
                **payload,
            },
            keep=True,
        )

    def _meter_values(
        self, evse_id: int, session: Session | None, context: str, now: datetime
    ) -> Outgoing:
        values = [
            _sampled(self._charger.meter_wh(evse_id, now), "Energy.Active.Import.Register", "Wh"),
            _sampled(self._charger.power_w(evse_id), "Power.Active.Import", "W"),
        ]
        for value in values:
            value["context"] = context
        meter = [{"timestamp": stamp(now), "sampledValue": values}]

        def payload() -> Payload:
            known = session is not None and session.wire_id is not None
            transaction = {"transactionId": session.wire_id} if session and known else {}
            return {"connectorId": evse_id, **transaction, "meterValue": meter}

        return Outgoing("MeterValues", payload, keep=session is not None)

    def _remote_start(self, payload: Payload, now: datetime) -> Answer:
        token = self._with_group(Token(str(payload["idTag"])))
        evse_id = payload.get("connectorId")
        free = self._charger.outlet_for(evse_id, token) is not None
        if not free and not self._may_be_of_a_held_group(evse_id, token):
            return Answer({"status": "Rejected"})
        if self._config.authorize_remote or not free:
            ask = self.authorize(
                token,
                lambda known, then: self._charger.remote_start(evse_id, known, None, then).events,
            )
            return Answer({"status": "Accepted"}, then=[ask])
        decision = self._charger.remote_start(evse_id, token, None, now)
        return Answer({"status": "Accepted"}, decision.events)

    def _may_be_of_a_held_group(self, evse_id: int | None, token: Token) -> bool:
        """Held for a parent: whether this tag has it only the back end knows (1.6 section 5.13)."""
        groups = {hold.token.group for hold in self._charger.reservations.held.values()} - {None}
        family = (replace(token, group=group) for group in groups)
        unknown = token.value not in self._groups
        return unknown and any(self._charger.outlet_for(evse_id, each) for each in family)

    def _learn_group(self, token: Token, result: Payload) -> None:
        if parent := result["idTagInfo"].get("parentIdTag"):
            self._groups[token.value] = str(parent)

    def _with_group(self, token: Token) -> Token:
        return replace(token, group=self._groups.get(token.value, token.group))

    def _remote_stop(self, payload: Payload, now: datetime) -> Answer:
        session = self._charger.session_by_wire_id(int(payload["transactionId"]))
        if session is None:
            return Answer({"status": "Rejected"})
        return Answer(
            {"status": "Accepted"}, self._charger.end(session, "RemoteStop", "Remote", now)
        )

    def _unlock(self, payload: Payload, now: datetime) -> Answer:
        evse = self._charger.evses.get(int(payload["connectorId"]))
        if evse is None or self._config.tethered:
            return Answer({"status": "NotSupported"})
        ended = (
            self._charger.end(evse.session, "UnlockCommand", "UnlockCommand", now)
            if evse.session is not None
            else []
        )
        return Answer({"status": "UnlockFailed" if evse.jammed else "Unlocked"}, ended)

    def _reset(self, payload: Payload, now: datetime) -> Answer:  # noqa: ARG002
        kind = {"Hard": "HardReset", "Soft": "SoftReset"}[payload["type"]]
        return Answer({"status": "Accepted"}, [Rebooting("RemoteReset", ending=kind)])

    def _reserve(self, payload: Payload, now: datetime) -> Answer:  # noqa: ARG002
        token = Token(str(payload["idTag"]), group=payload.get("parentIdTag"))
        connector = int(payload["connectorId"]) or None
        expiry = parse_time(payload["expiryDate"])
        hold = Reservation(int(payload["reservationId"]), token, expiry, connector)
        able = self._config.reserves and (connector or self._config.reserves_any)
        if not able:
            return Answer({"status": "Rejected"})
        status, events = self._charger.reserve(hold)
        return Answer({"status": status}, events)

    def _cancel_reservation(self, payload: Payload, now: datetime) -> Answer:  # noqa: ARG002
        known, events = self._charger.cancel_reservation(int(payload["reservationId"]))
        return Answer({"status": "Accepted" if known else "Rejected"}, events)

    def _change_availability(self, payload: Payload, now: datetime) -> Answer:  # noqa: ARG002
        connector = int(payload["connectorId"])
        if connector and connector not in self._charger.evses:
            return Answer({"status": "Rejected"})
        at_once, events = self._charger.set_available(
            connector or None, payload["type"] == "Operative"
        )
        return Answer({"status": "Accepted" if at_once else "Scheduled"}, events)

    def _get_configuration(self, payload: Payload, now: datetime) -> Answer:  # noqa: ARG002
        asked = payload.get("key") or list(self._settings)
        known = [
            {"key": key, "readonly": key not in _WRITABLE, "value": self._settings[key]}
            for key in asked
            if key in self._settings
        ]
        unknown = [key for key in asked if key not in self._settings]
        return Answer({"configurationKey": known, "unknownKey": unknown})

    def _change_configuration(self, payload: Payload, now: datetime) -> Answer:  # noqa: ARG002
        key = str(payload["key"])
        if key not in self._settings:
            return Answer({"status": "NotSupported"})
        return Answer({"status": "Rejected"})

    def _trigger(self, payload: Payload, now: datetime) -> Answer:
        asked, connector = str(payload["requestedMessage"]), payload.get("connectorId")
        outlets = [connector] if connector else list(self._charger.evses)
        if any(outlet not in self._charger.evses for outlet in outlets):
            return Answer({"status": "Rejected"})
        then = {
            "BootNotification": lambda: [self.boot("Triggered")],
            "Heartbeat": lambda: [Outgoing("Heartbeat", dict)],
            "StatusNotification": lambda: [self.status(outlet, now) for outlet in outlets],
            "MeterValues": lambda: [
                self._meter_values(outlet, self._charger.evses[outlet].session, "Trigger", now)
                for outlet in outlets
            ],
        }.get(asked)
        if then is None:
            return Answer({"status": "NotImplemented"})
        return Answer({"status": "Accepted"}, then=then())


_WRITABLE: frozenset[str] = frozenset()
_REASONS = {"Timeout": "Other", "GroundFault": "Other", "ImmediateReset": "HardReset"}


def _is_accepted(result: Payload) -> bool:
    status: object = result["idTagInfo"]["status"]
    return status == "Accepted"


def _sampled(value: float, measurand: str, unit: str) -> dict[str, str]:
    return {"value": f"{value:.0f}", "measurand": measurand, "unit": unit}
