"""OCPP 1.6 of the simulated station. Connector n is EVSE n; each EVSE has one connector."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from simulator.charger.charger import Charger
from simulator.charger.model import (
    ChargingSession,
    ChargingSessionEnded,
    ChargingSessionStarted,
    DriverToken,
    Event,
    PasswordChanged,
    Rebooting,
    SimulatedReservation,
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
        self._answers: dict[str, Callable[[Payload, datetime], CallAnswer]] = {
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
            "DataTransfer": lambda _payload, _now: CallAnswer({"status": "UnknownVendorId"}),
            "ClearCache": lambda _payload, _now: CallAnswer({"status": "Rejected"}),
        }

    def boot(self, reason: str) -> Outgoing:  # noqa: ARG002 - 1.6 sends no reason
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
        """StatusNotification of an EVSE as it is now."""
        return self._status(evse_id, self._charger.status(evse_id), now)

    def authorize(self, token: DriverToken, accepted: Accepted) -> Outgoing:
        """Authorize. `accepted` is called when the back end accepts the token."""

        def answered(result: Payload, now: datetime) -> list[Event]:
            self._learn_group(token, result)
            return accepted(self._with_group(token), now) if _is_accepted(result) else []

        return Outgoing("Authorize", lambda: {"idTag": token.value}, on_answer=answered)

    def meter_values(self, session: ChargingSession, now: datetime) -> Outgoing:
        """The periodic meter values of a running session."""
        return self._meter_values(session.evse_id, session, "Sample.Periodic", now)

    def messages(
        self,
        event: Event,
        now: datetime,
        *,
        offline: bool,  # noqa: ARG002 - 1.6 does not say it
    ) -> list[Outgoing]:
        """The messages about an event."""
        match event:
            case StatusChanged(evse_id, status):
                return [self._status(evse_id, status, now)]
            case ChargingSessionStarted(session):
                return [self._start_transaction(session)]
            case ChargingSessionEnded(session, _trigger, token):
                return [self._stop_transaction(session, token)]
            case _:
                return []

    def answer(self, action: str, payload: Payload, now: datetime, queued: int) -> CallAnswer:  # noqa: ARG002
        """The honest answer to a CALL."""
        answer = self._answers.get(action)
        if answer is None:
            return CallAnswer(CallErrorReply("NotImplemented", f"{action} is not known here"))
        return answer(payload, now)

    def _status(self, evse_id: int, status: str, now: datetime) -> Outgoing:
        payload = {
            "connectorId": evse_id,
            "errorCode": "GroundFailure" if status == "Faulted" else "NoError",
            "status": status,
            "timestamp": stamp(now),
        }
        return Outgoing("StatusNotification", lambda: payload)

    def _start_transaction(self, session: ChargingSession) -> Outgoing:
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

        def answered(result: Payload, now: datetime) -> list[Event]:
            session.csms_transaction_id = int(result["transactionId"])
            self._learn_group(authorization.token, result)
            if _is_accepted(result):
                return []
            return self._charger.refuse(authorization, now)

        return Outgoing("StartTransaction", lambda: payload, keep=True, on_answer=answered)

    def _stop_transaction(self, session: ChargingSession, token: DriverToken | None) -> Outgoing:
        payload: Payload = {
            "meterStop": session.meter_stop_wh,
            "timestamp": stamp(session.end_time or session.start_time),
            "reason": _REASONS.get(session.reason, session.reason),
        }
        if token is not None:
            payload["idTag"] = token.value
        return Outgoing(
            "StopTransaction",
            lambda: {"transactionId": _sent_transaction_id(session), **payload},
            keep=True,
        )

    def _meter_values(
        self, evse_id: int, session: ChargingSession | None, context: str, now: datetime
    ) -> Outgoing:
        evse = self._charger.evses[evse_id]
        values = [
            _sampled(evse.meter_at(now), "Energy.Active.Import.Register", "Wh"),
            _sampled(evse.flowing_w, "Power.Active.Import", "W"),
        ]
        for value in values:
            value["context"] = context
        meter = [{"timestamp": stamp(now), "sampledValue": values}]

        def payload() -> Payload:
            known = session is not None and session.csms_transaction_id is not None
            ids = {"transactionId": session.csms_transaction_id} if session and known else {}
            return {"connectorId": evse_id, **ids, "meterValue": meter}

        return Outgoing("MeterValues", payload, keep=session is not None)

    def _remote_start(self, payload: Payload, now: datetime) -> CallAnswer:
        token = self._with_group(DriverToken(str(payload["idTag"])))
        evse_id = payload.get("connectorId")
        free = self._charger.evse_for(evse_id, token) is not None
        if not free and not self._may_be_of_a_reserved_group(evse_id, token):
            return CallAnswer({"status": "Rejected"})
        if self._config.authorize_remote or not free:
            ask = self.authorize(
                token,
                lambda known, then: self._charger.remote_start(evse_id, known, None, then).events,
            )
            return CallAnswer({"status": "Accepted"}, then=[ask])
        decision = self._charger.remote_start(evse_id, token, None, now)
        return CallAnswer({"status": "Accepted"}, decision.events)

    def _may_be_of_a_reserved_group(self, evse_id: int | None, token: DriverToken) -> bool:
        """Whether a reservation for a group could be for this tag.

        Only the back end knows the group of an unknown tag: ask it (OCPP 1.6 section 5.13).
        """
        groups = {each.token.group for each in self._charger.reservations.held.values()} - {None}
        in_group = (replace(token, group=group) for group in groups)
        unknown = token.value not in self._groups
        return unknown and any(self._charger.evse_for(evse_id, each) for each in in_group)

    def _learn_group(self, token: DriverToken, result: Payload) -> None:
        if parent := result["idTagInfo"].get("parentIdTag"):
            self._groups[token.value] = str(parent)

    def _with_group(self, token: DriverToken) -> DriverToken:
        return replace(token, group=self._groups.get(token.value, token.group))

    def _remote_stop(self, payload: Payload, now: datetime) -> CallAnswer:
        session = self._charger.session_by_csms_id(int(payload["transactionId"]))
        if session is None:
            return CallAnswer({"status": "Rejected"})
        return CallAnswer(
            {"status": "Accepted"}, self._charger.end(session, "RemoteStop", "Remote", now)
        )

    def _unlock(self, payload: Payload, now: datetime) -> CallAnswer:
        evse = self._charger.evses.get(int(payload["connectorId"]))
        if evse is None or self._config.tethered:
            return CallAnswer({"status": "NotSupported"})
        ended = (
            self._charger.end(evse.session, "UnlockCommand", "UnlockCommand", now)
            if evse.session is not None
            else []
        )
        return CallAnswer({"status": "UnlockFailed" if evse.jammed else "Unlocked"}, ended)

    def _reset(self, payload: Payload, now: datetime) -> CallAnswer:  # noqa: ARG002
        kind = {"Hard": "HardReset", "Soft": "SoftReset"}[payload["type"]]
        return CallAnswer({"status": "Accepted"}, [Rebooting("RemoteReset", ending=kind)])

    def _reserve(self, payload: Payload, now: datetime) -> CallAnswer:  # noqa: ARG002
        token = DriverToken(str(payload["idTag"]), group=payload.get("parentIdTag"))
        connector = int(payload["connectorId"]) or None
        expiry = parse_time(payload["expiryDate"])
        reservation = SimulatedReservation(int(payload["reservationId"]), token, expiry, connector)
        able = self._config.reserves and (connector or self._config.reserves_any)
        if not able:
            return CallAnswer({"status": "Rejected"})
        status, events = self._charger.reserve(reservation)
        return CallAnswer({"status": status}, events)

    def _cancel_reservation(self, payload: Payload, now: datetime) -> CallAnswer:  # noqa: ARG002
        known, events = self._charger.cancel_reservation(int(payload["reservationId"]))
        return CallAnswer({"status": "Accepted" if known else "Rejected"}, events)

    def _change_availability(self, payload: Payload, now: datetime) -> CallAnswer:  # noqa: ARG002
        connector = int(payload["connectorId"])
        if connector and connector not in self._charger.evses:
            return CallAnswer({"status": "Rejected"})
        at_once, events = self._charger.set_available(
            connector or None, payload["type"] == "Operative"
        )
        return CallAnswer({"status": "Accepted" if at_once else "Scheduled"}, events)

    def _get_configuration(self, payload: Payload, now: datetime) -> CallAnswer:  # noqa: ARG002
        asked = payload.get("key") or list(self._settings)
        known = [
            {"key": key, "readonly": key not in _WRITABLE, "value": self._settings[key]}
            for key in asked
            if key in self._settings
        ]
        unknown = [key for key in asked if key not in self._settings]
        return CallAnswer({"configurationKey": known, "unknownKey": unknown})

    def _change_configuration(self, payload: Payload, now: datetime) -> CallAnswer:  # noqa: ARG002
        key = str(payload["key"])
        if key == "AuthorizationKey":
            return _authorization_key(str(payload["value"]))
        if key not in self._settings:
            return CallAnswer({"status": "NotSupported"})
        return CallAnswer({"status": "Rejected"})

    def _trigger(self, payload: Payload, now: datetime) -> CallAnswer:
        asked, connector = str(payload["requestedMessage"]), payload.get("connectorId")
        evse_ids = [connector] if connector else list(self._charger.evses)
        if any(evse_id not in self._charger.evses for evse_id in evse_ids):
            return CallAnswer({"status": "Rejected"})
        then = {
            "BootNotification": lambda: [self.boot("Triggered")],
            "Heartbeat": lambda: [Outgoing("Heartbeat", dict)],
            "StatusNotification": lambda: [self.status(evse_id, now) for evse_id in evse_ids],
            "MeterValues": lambda: [
                self._meter_values(evse_id, self._charger.evses[evse_id].session, "Trigger", now)
                for evse_id in evse_ids
            ],
        }.get(asked)
        if then is None:
            return CallAnswer({"status": "NotImplemented"})
        return CallAnswer({"status": "Accepted"}, then=then())


_WRITABLE: frozenset[str] = frozenset()
_REASONS = {"Timeout": "Other", "GroundFault": "Other", "ImmediateReset": "HardReset"}


def _authorization_key(digits: str) -> CallAnswer:
    """The answer to a new password: 16 to 20 bytes in hexadecimal digits."""
    try:
        given = bytes.fromhex(digits)
    except ValueError:
        given = b""
    if not 16 <= len(given) <= 20:
        return CallAnswer({"status": "Rejected"})
    password = given.decode(errors="surrogateescape")
    return CallAnswer({"status": "Accepted"}, [PasswordChanged(password)])


def _is_accepted(result: Payload) -> bool:
    status: object = result["idTagInfo"]["status"]
    return status == "Accepted"


def _sent_transaction_id(session: ChargingSession) -> int:
    """Stations send -1 when they never learned the transactionId."""
    return -1 if session.csms_transaction_id is None else session.csms_transaction_id


def _sampled(value: float, measurand: str, unit: str) -> dict[str, str]:
    return {"value": f"{value:.0f}", "measurand": measurand, "unit": unit}
