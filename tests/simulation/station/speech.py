"""What the hostile station says, in the words of its OCPP version."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.simulation.repeatable.virtual_time import BEGIN
from tests.simulation.station.truth import TrueSession

if TYPE_CHECKING:
    from tests.simulation.station.station import Station

Payload = dict[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLY = timedelta(minutes=11)


_V16_REASONS = {"PowerLoss", "Local", "Remote", "HardReset", "SoftReset", "UnlockCommand"}
_2X_REASONS = {"PowerLoss", "Timeout", "Remote"}
_2X_WORDS = {"Available", "Reserved", "Unavailable", "Faulted"}


@dataclass
class Message:
    """A CALL of the station that waits for its turn. kept: sent again until it is answered.

    session, tells: the session whose "begin" or "end" it tells; "": neither.
    tries: how often it was not taken. lost: whether an answer to it was lost once.
    """

    action: str
    payload: Callable[[], Payload]
    kept: bool
    answered: Callable[[Payload], None] = lambda _: None
    message_id: str = ""
    session: TrueSession | None = None
    tells: str = ""
    tries: int = 0
    lost: bool = False


class Speech:
    """The version's words. Session events are kept until they are answered, as OCPP asks for."""

    def __init__(self, version: str, station: "Station") -> None:
        self._v16 = version == "1.6"
        self._station = station
        self._remote_ids: dict[int, int | None] = {}
        self._told_remote: set[int] = set()
        self._seq: dict[int, int] = {}

    @property
    def opens_without_cable(self) -> bool:
        """Whether its transactions begin with the authorisation (2.x, TxStartPoint)."""
        return not self._v16 and self._station.temper.begins_at == "authorized"

    @property
    def occupied(self) -> str:
        """The status of a connector with a car."""
        return "Preparing" if self._v16 else "Occupied"

    def stamp(self, at: datetime) -> str:
        """A true time as the station writes it."""
        return self._station.words.stamp(self._by_its_clock(at), at)

    def _by_its_clock(self, at: datetime) -> str:
        wrong = self._station.temper.clock
        if isinstance(wrong, timedelta):
            return (at + wrong).isoformat().replace("+00:00", "Z")
        if wrong == "1970":
            return (EPOCH + (at - BEGIN)).isoformat()
        if wrong == "far":
            return "2222" + at.isoformat()[4:]
        return at.replace(tzinfo=None).isoformat()

    def true_time(self, written: datetime) -> datetime | None:
        """When the station's clock shows a time that we wrote; None: not within a human's life."""
        wrong = self._station.temper.clock
        if isinstance(wrong, timedelta):
            return written - wrong
        if wrong == "1970":
            return None
        if wrong == "far":
            return written.replace(year=written.year - 196)
        return written

    # --- its own messages

    def boot(self) -> Message:
        """BootNotification."""
        payload: Payload = {"chargePointVendor": "V", "chargePointModel": "M"}
        if not self._v16:
            payload = {
                "reason": self._station.boot_reason,
                "chargingStation": {"vendorName": "V", "model": "M"},
            }
        return _message("BootNotification", payload, True, lambda _: self._station.booted())

    def status(self, evse: int, status: str) -> Message:
        """StatusNotification."""
        at = self.stamp(self._station.loop.utc_now())
        if self._v16:
            payload: Payload = {
                "connectorId": evse,
                "status": status,
                "errorCode": "NoError",
                "timestamp": at,
            }
        else:
            payload = {
                "evseId": evse,
                "connectorId": 1,
                "connectorStatus": status if status in _2X_WORDS else "Occupied",
                "timestamp": at,
            }
        held = self._station.holds.at(evse) if status == "Reserved" else None
        word = str(payload.get("status") or payload.get("connectorStatus"))

        def answered(_: Payload) -> None:
            now = self._station.loop.utc_now()
            self._station.truth.statuses[evse] = (now, word)
            self._station.truth.shown_since.setdefault(evse, now)
            if held is not None:
                held.shown = True

        def written() -> Payload:
            self._station.truth.last_said[evse] = word
            return payload

        return _message("StatusNotification", written, False, answered)

    def begun(self, session: TrueSession, remote_start_id: int | None, *, plugged: bool) -> None:
        """A session began."""
        self._remote_ids[session.number] = remote_start_id
        if self._v16:
            self._begun_v16(session)
            return
        self.open(session)
        if self._station.late_tokens.on:
            self._station.late_tokens.begun(session)
            return
        names = self._station.temper.names_start
        state = "Charging" if plugged else "Idle"
        trigger = "RemoteStart" if session.cause else "Authorized"
        self.event(session, "Started", trigger, state, names_start=names == "always", token=True)
        if plugged and names == "later":
            self.event(session, "Updated", "ChargingStateChanged", "Charging", names_start=True)

    def open(self, session: TrueSession) -> None:
        """Its transaction has an id (2.x)."""
        if session.ocpp_transaction_id is None:
            long = "event-long-id" in self._station.temper.field.odd_fields
            name = f"tx-{session.number}-of-the-station"
            session.ocpp_transaction_id = name.ljust(39, "x") if long else name
            self._seq[session.number] = 0

    def charging(self, session: TrueSession) -> None:
        """The car came to a session that was open already (2.x)."""
        if session.running:
            names = self._station.temper.names_start != "never"
            self.event(session, "Updated", "CablePluggedIn", "Charging", names_start=names)

    def ended(self, session: TrueSession, reason: str) -> None:
        """A session ended."""
        if not self._v16:
            why = {"HardReset": "ImmediateReset", "SoftReset": "ImmediateReset"}
            trigger = {
                "Timeout": "EVConnectTimeout",
                "Remote": "RemoteStop",
                "HardReset": "ResetCommand",
                "SoftReset": "ResetCommand",
            }
            self.event(
                session,
                "Ended",
                trigger.get(reason, "StopAuthorized"),
                "Idle",
                stopped=why.get(reason, reason if reason in _2X_REASONS else "Local"),
            )
            return
        early = self._station.temper.field.ends_early
        ended = session.begun - EARLY if early else self._station.loop.utc_now()
        at = self.stamp(ended)
        meter = session.number + 10
        forgets = self._station.temper.forgets_ids

        def payload() -> Payload:
            known = None if forgets else session.ocpp_transaction_id
            return {
                "transactionId": int(known) if known else -1,
                "meterStop": meter,
                "timestamp": at,
                "reason": reason if reason in _V16_REASONS else "Other",
                "idTag": session.token,
            }

        self._say("StopTransaction", payload, session=session, tells="end")

    def _begun_v16(self, session: TrueSession) -> None:
        payload: Payload = {
            "connectorId": session.evse,
            "idTag": session.token,
            "meterStart": session.number,
            "timestamp": self.stamp(self._station.loop.utc_now()),
        }
        if self._names_hold(session) or session.lent_hold:
            payload["reservationId"] = session.hold or session.lent_hold

        def answered(answer: Payload) -> None:
            session.ocpp_transaction_id = str(answer["transactionId"])
            if answer["idTagInfo"]["status"] != "Accepted":
                session.refused = True
                self._station.end_session(session, "deauthorized", "DeAuthorized")
            elif self._station.chance.happens(0.3) and session.running:
                self.meter(session)

        self._say("StartTransaction", lambda: payload, answered, session=session, tells="begin")

    def meter(self, session: TrueSession) -> None:
        """MeterValues of a running session."""
        known = None if self._station.temper.forgets_ids else session.ocpp_transaction_id
        payload: Payload = {
            "connectorId": session.evse,
            "transactionId": int(known) if known else -1,
            "meterValue": [
                {
                    "timestamp": self.stamp(self._station.loop.utc_now()),
                    "sampledValue": [{"value": str(session.number + 5)}],
                }
            ],
        }
        self._station.say(_message("MeterValues", payload, False))

    def event(
        self,
        session: TrueSession,
        kind: str,
        trigger: str,
        state: str,
        *,
        names_start: bool = False,
        token: bool = False,
        stopped: str = "",
        tells: str = "begin",
    ) -> None:
        """TransactionEvent. tells: what a back end knows by it of the session asked for."""
        seq = self._seq[session.number]
        self._seq[session.number] = seq + 1
        info: Payload = {"transactionId": session.ocpp_transaction_id, "chargingState": state}
        remote = self._remote_ids.get(session.number)
        if names_start and remote is not None:
            info["remoteStartId"] = remote
            session.names_its_start = True
            later = self._station.temper.names_start == "later"
            session.named_late = later or session.opened is not None
        if stopped:
            info["stoppedReason"] = stopped
        early = bool(stopped) and self._station.temper.field.ends_early
        at = session.begun - EARLY if early else self._station.loop.utc_now()
        payload: Payload = {
            "eventType": kind,
            "timestamp": self.stamp(at),
            "triggerReason": trigger,
            "seqNo": seq,
            "offline": self._station.wire is None,
            "transactionInfo": info,
            "evse": {"id": session.evse, "connectorId": 1},
        }
        if token:
            payload["idToken"] = {"idToken": session.token, "type": "ISO14443"}
        if kind == "Started" and (self._names_hold(session) or session.lent_hold):
            payload["reservationId"] = session.hold or session.lent_hold

        def answered(answer: Payload) -> None:
            status = answer.get("idTokenInfo", {}).get("status", "Accepted")
            if status != "Accepted":
                session.refused = True
                self._station.end_session(session, "deauthorized", "DeAuthorized")

        told = "end" if kind == "Ended" else tells
        self._say("TransactionEvent", lambda: payload, answered, session=session, tells=told)

    def _names_hold(self, session: TrueSession) -> bool:
        session.hold_named = session.hold is not None and self._station.temper.names_holds
        return session.hold_named

    def hold_ended(self, wire_id: int, word: str) -> None:
        """ReservationStatusUpdate, which 1.6 does not have: a hold is over, and not by our word."""
        if not self._v16 and self._station.temper.tells_of_holds:
            payload = {"reservationId": wire_id, "reservationUpdateStatus": word}
            self._say("ReservationStatusUpdate", lambda: payload)

    def heartbeat(self) -> Message:
        """Heartbeat."""
        station = self._station

        def answered(answer: Payload) -> None:
            station.truth.heartbeats.append((station.loop.utc_now(), answer["currentTime"]))

        return _message("Heartbeat", {}, False, answered)

    def _say(
        self,
        action: str,
        payload: Any,
        answered: Any = lambda _: None,
        *,
        session: TrueSession | None = None,
        tells: str = "",
    ) -> None:
        message = _message(action, payload, True, answered)
        message.session, message.tells = session, tells
        self._station.say(message)


def _message(action: str, payload: Any, kept: bool, answered: Any = lambda _: None) -> Message:
    make = payload if callable(payload) else lambda: payload
    return Message(action, make, kept, answered)
