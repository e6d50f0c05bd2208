"""What the hostile station reads in our frames, and its answers to questions, by OCPP version."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.simulation.station.truth import TrueSession

if TYPE_CHECKING:
    from tests.simulation.station.station import Station

Payload = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """A hold that was asked for. evse: None: any. expiry: as we wrote it."""

    wire_id: int
    evse: int | None
    token: str
    group: str
    expiry: datetime


class Requests:
    """The version's words, read."""

    def __init__(self, version: str, station: "Station") -> None:
        self._v16 = version == "1.6"
        self._station = station

    def start(self, payload: Payload) -> tuple[int | None, str, int | None]:
        """EVSE, token and remoteStartId of a start."""
        if self._v16:
            return payload.get("connectorId"), payload["idTag"], None
        return payload.get("evseId"), payload["idToken"]["idToken"], payload["remoteStartId"]

    def stop_target(self, payload: Payload, active: list[TrueSession]) -> TrueSession | None:
        """The running session that a stop names."""
        if self._v16 and self._station.temper.forgets_ids:
            return None
        wanted = str(payload["transactionId"])
        return next((session for session in active if session.ocpp_transaction_id == wanted), None)

    def unlock(self, payload: Payload) -> tuple[int, int]:
        """EVSE and connector of an unlock."""
        if self._v16:
            return payload["connectorId"], 1
        return payload["evseId"], payload["connectorId"]

    def reset(self, payload: Payload) -> tuple[str, int | None]:
        """Type and EVSE of a reset."""
        return payload["type"], payload.get("evseId")

    def reserve(self, payload: Payload) -> Wanted:
        """The hold that is asked for."""
        if self._v16:
            return Wanted(
                payload["reservationId"],
                payload["connectorId"] or None,
                payload["idTag"],
                payload.get("parentIdTag", ""),
                datetime.fromisoformat(payload["expiryDate"]),
            )
        return Wanted(
            payload["id"],
            payload.get("evseId"),
            payload["idToken"]["idToken"],
            payload.get("groupIdToken", {}).get("idToken", ""),
            datetime.fromisoformat(payload["expiryDateTime"]),
        )

    def reply(self, action: str, payload: Payload) -> Payload | None:
        """The answer to a question; None: it knows no such action."""
        temper = self._station.temper
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
                return self._triggered(payload)
            case "GetTransactionStatus":
                return self._transaction_status(payload)
            case _:
                return None

    def _triggered(self, payload: Payload) -> Payload:
        station, accepted = self._station, {"status": "Accepted"}
        if payload["requestedMessage"] == "BootNotification":
            if not station.temper.field.boots_if_asked:
                return {"status": "Rejected"}
            station.say(station.speech.boot())
            return accepted
        if payload["requestedMessage"] == "StatusNotification":
            evse = payload.get("connectorId") or payload.get("evse", {}).get("id")
            for one in station.plugged:
                if evse in (None, one):
                    station.status_now(one)
            return accepted
        for session in station.active():
            if self._v16:
                station.speech.meter(session)
            else:
                state = "Charging" if session.token else "EVConnected"
                station.speech.event(session, "Updated", "Trigger", state, tells="")
        return accepted

    def _transaction_status(self, payload: Payload) -> Payload:
        station = self._station
        waiting = [m for m in station.queue if m.action == "TransactionEvent"]
        wanted = payload.get("transactionId")
        if wanted is None:
            return {"messagesInQueue": bool(waiting)}
        of_it = [m for m in waiting if m.payload()["transactionInfo"]["transactionId"] == wanted]
        running = any(session.ocpp_transaction_id == wanted for session in station.active())
        return {"ongoingIndicator": running, "messagesInQueue": bool(of_it)}
