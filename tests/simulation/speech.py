"""What the hostile station says, in the words of its OCPP version."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.simulation.truth import TrueSession
from tests.simulation.virtual_time import BEGIN

if TYPE_CHECKING:
    from tests.simulation.station import Station

Payload = dict[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Message:
    """A CALL of the station that waits for its turn. kept: sent again until it is answered."""

    action: str
    payload: Callable[[], Payload]
    kept: bool
    answered: Callable[[Payload], None] = lambda _: None
    message_id: str = ""


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
        """A true time by the station's clock."""
        wrong = self._station.temper.clock
        if isinstance(wrong, timedelta):
            return (at + wrong).isoformat().replace("+00:00", "Z")
        if wrong == "1970":
            return (EPOCH + (at - BEGIN)).isoformat()
        if wrong == "far":
            return "2222" + at.isoformat()[4:]
        return at.replace(tzinfo=None).isoformat()

    # --- its own messages

    def boot(self) -> Message:
        """BootNotification."""
        payload: Payload = {"chargePointVendor": "V", "chargePointModel": "M"}
        if not self._v16:
            payload = {
                "reason": "PowerUp",
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
            word = "Available" if status == "Available" else "Occupied"
            payload = {
                "evseId": evse,
                "connectorId": 1,
                "connectorStatus": word,
                "timestamp": at,
            }
        return _message("StatusNotification", payload, False)

    def begun(self, session: TrueSession, remote_start_id: int | None, *, plugged: bool) -> None:
        """A session began."""
        self._remote_ids[session.number] = remote_start_id
        if self._v16:
            self._begun_v16(session)
            return
        session.wire_id = f"tx-{session.number}-of-the-station"
        self._seq[session.number] = 0
        names = self._station.temper.names_start
        state = "Charging" if plugged else "Idle"
        trigger = "RemoteStart" if session.cause else "Authorized"
        self._event(session, "Started", trigger, state, names_start=names == "always", token=True)
        if plugged and names == "later":
            self._event(session, "Updated", "ChargingStateChanged", "Charging", names_start=True)

    def charging(self, session: TrueSession) -> None:
        """The car came to a session that was open already (2.x)."""
        if session.running:
            names = self._station.temper.names_start != "never"
            self._event(session, "Updated", "CablePluggedIn", "Charging", names_start=names)

    def ended(self, session: TrueSession, reason: str) -> None:
        """A session ended."""
        if not self._v16:
            why = {"PowerLoss": "PowerLoss", "Timeout": "Timeout", "Remote": "Remote"}
            trigger = {"Timeout": "EVConnectTimeout", "Remote": "RemoteStop"}
            self._event(
                session,
                "Ended",
                trigger.get(reason, "StopAuthorized"),
                "Idle",
                stopped=why.get(reason, "Local"),
            )
            return
        at = self.stamp(self._station.loop.utc_now())
        meter = session.number + 10
        forgets = self._station.temper.forgets_ids

        def payload() -> Payload:
            known = None if forgets else session.wire_id
            return {
                "transactionId": int(known) if known else -1,
                "meterStop": meter,
                "timestamp": at,
                "reason": reason if reason in {"PowerLoss", "Local", "Remote"} else "Other",
                "idTag": session.token,
            }

        self._say("StopTransaction", payload)

    def _begun_v16(self, session: TrueSession) -> None:
        payload = {
            "connectorId": session.evse,
            "idTag": session.token,
            "meterStart": session.number,
            "timestamp": self.stamp(self._station.loop.utc_now()),
        }

        def answered(answer: Payload) -> None:
            session.wire_id = str(answer["transactionId"])
            if answer["idTagInfo"]["status"] != "Accepted":
                self._station.end_session(session, "deauthorized", "DeAuthorized")
            elif self._station.chance.happens(0.3):
                self._meter(session)

        self._say("StartTransaction", lambda: payload, answered)

    def _meter(self, session: TrueSession) -> None:
        known = None if self._station.temper.forgets_ids else session.wire_id
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

    def _event(
        self,
        session: TrueSession,
        kind: str,
        trigger: str,
        state: str,
        *,
        names_start: bool = False,
        token: bool = False,
        stopped: str = "",
    ) -> None:
        seq = self._seq[session.number]
        self._seq[session.number] = seq + 1
        info: Payload = {"transactionId": session.wire_id, "chargingState": state}
        remote = self._remote_ids[session.number]
        if names_start and remote is not None:
            info["remoteStartId"] = remote
            session.names_its_start = True
            session.named_late = self._station.temper.names_start == "later"
        if stopped:
            info["stoppedReason"] = stopped
        payload: Payload = {
            "eventType": kind,
            "timestamp": self.stamp(self._station.loop.utc_now()),
            "triggerReason": trigger,
            "seqNo": seq,
            "offline": self._station.wire is None,
            "transactionInfo": info,
            "evse": {"id": session.evse, "connectorId": 1},
        }
        if token:
            payload["idToken"] = {"idToken": session.token, "type": "ISO14443"}

        def answered(answer: Payload) -> None:
            status = answer.get("idTokenInfo", {}).get("status", "Accepted")
            if status != "Accepted":
                self._station.end_session(session, "deauthorized", "DeAuthorized")

        self._say("TransactionEvent", lambda: payload, answered)

    def _say(self, action: str, payload: Any, answered: Any = lambda _: None) -> None:
        self._station.say(_message(action, payload, True, answered))

    # --- what it is asked

    def read_start(self, payload: Payload) -> tuple[int | None, str, int | None]:
        """EVSE, token and remoteStartId of a start."""
        if self._v16:
            return payload.get("connectorId"), payload["idTag"], None
        return payload.get("evseId"), payload["idToken"]["idToken"], payload["remoteStartId"]

    def stop_target(self, payload: Payload, active: list[TrueSession]) -> TrueSession | None:
        """The running session that a stop names."""
        if self._v16 and self._station.temper.forgets_ids:
            return None
        wanted = str(payload["transactionId"])
        return next((session for session in active if session.wire_id == wanted), None)

    def reply(self, action: str, payload: Payload) -> Payload | None:
        """The answer to a question."""
        temper, station = self._station.temper, self._station
        seconds = str(int(temper.connection_timeout_s))
        match action:
            case "GetConfiguration" if temper.tells_timeout:
                entry = {"key": "ConnectionTimeOut", "readonly": False, "value": seconds}
                return {"configurationKey": [entry]}
            case "GetConfiguration":
                return {"unknownKey": payload["key"]}
            case "GetVariables":
                asked = payload["getVariableData"][0]
                status = "Accepted" if temper.tells_timeout else "UnknownVariable"
                result = {**asked, "attributeStatus": status}
                if temper.tells_timeout:
                    result["attributeValue"] = seconds
                return {"getVariableResult": [result]}
            case "TriggerMessage":
                for session in station.active():
                    self._meter(session)
                return {"status": "Accepted"}
            case "GetTransactionStatus":
                return self._transaction_status(payload)
            case _:
                return None

    def _transaction_status(self, payload: Payload) -> Payload:
        station = self._station
        waiting = [m for m in station.queue if m.action == "TransactionEvent"]
        wanted = payload.get("transactionId")
        if wanted is None:
            return {"messagesInQueue": bool(waiting)}
        of_it = [m for m in waiting if m.payload()["transactionInfo"]["transactionId"] == wanted]
        running = any(session.wire_id == wanted for session in station.active())
        return {"ongoingIndicator": running, "messagesInQueue": bool(of_it)}


def _message(action: str, payload: Any, kept: bool, answered: Any = lambda _: None) -> Message:
    make = payload if callable(payload) else lambda: payload
    return Message(action, make, kept, answered)
