"""What the back end (CSMS) of a world answers to its station: boots, clocks, tokens, and ids."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from tests.simulation.back_end.tempers import BackEndTemper
from tests.simulation.repeatable.chance import Chance
from tests.simulation.station.reservations import GROUPS

Payload = dict[str, Any]

NO = ("Invalid", "Blocked", "Expired", "ConcurrentTx")


class Answers:
    """Of one back end. running: the ids of the sessions that it believes to run."""

    def __init__(
        self, chance: Chance, temper: BackEndTemper, utc_now: Callable[[], datetime]
    ) -> None:
        self._chance = chance
        self._temper = temper
        self._utc_now = utc_now
        self._given: dict[str, int] = {}
        self._last_id = 0
        self.running: dict[str, int | None] = {}

    def to(self, action: str, payload: Payload) -> Payload:
        """The answer. What it cannot use it takes all the same, as most of them do."""
        now = self._utc_now().isoformat().replace("+00:00", "Z")
        match action:
            case "BootNotification":
                return {"currentTime": now, "interval": 300, "status": "Accepted"}
            case "Heartbeat":
                return {"currentTime": now}
            case "Authorize":
                return self._judged(payload.get("idTag"))
            case "StartTransaction":
                return self._started(payload)
            case "StopTransaction":
                self.running.pop(str(payload.get("transactionId")), None)
                told = self._chance.happens(0.5) and isinstance(payload.get("idTag"), str)
                return self._judged(payload["idTag"]) if told else {}
            case "TransactionEvent":
                return self._event(payload)
            case _:
                return {}

    def _started(self, payload: Payload) -> Payload:
        key = repr(sorted(payload.items(), key=lambda item: item[0]))
        number = self._given.get(key) if self._temper.knows_again else None
        if number is None:
            self._last_id += 1
            number = 0 if self._temper.ids == "zero" else self._last_id
            self._given[key] = number
        evse = payload.get("connectorId")
        self.running[str(number)] = evse if isinstance(evse, int) else None
        return {"transactionId": number, **self._judged(payload.get("idTag"))}

    def _event(self, payload: Payload) -> Payload:
        info, place = payload.get("transactionInfo"), payload.get("evse")
        name = info.get("transactionId") if isinstance(info, dict) else None
        if isinstance(name, str):
            evse = place.get("id") if isinstance(place, dict) else None
            self.running[name] = evse if isinstance(evse, int) else None
            if payload.get("eventType") == "Ended":
                del self.running[name]
        token = payload.get("idToken")
        value = token.get("idToken") if isinstance(token, dict) else None
        if value is None:
            return {}
        group = self._group(value)
        told = {"groupIdToken": {"idToken": group, "type": "Central"}} if group else {}
        return {"idTokenInfo": {**self._word(value), **told}}

    def _judged(self, tag: object) -> Payload:
        group = self._group(tag)
        return {"idTagInfo": {**self._word(tag), **({"parentIdTag": group} if group else {})}}

    def _group(self, token: object) -> str | None:
        return GROUPS.get(str(token)) if self._temper.tells_groups else None

    def _word(self, token: object) -> Payload:
        refused = token in self._temper.refuses or self._chance.happens(self._temper.is_moody)
        return {"status": self._chance.pick(NO) if refused else "Accepted"}
