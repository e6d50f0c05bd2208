"""What the back end (CSMS) of a world wants of its station by itself, in the version's words."""

from datetime import timedelta
from typing import Any

from tests.simulation.back_end.answers import Answers
from tests.simulation.repeatable.chance import Chance
from tests.simulation.repeatable.virtual_time import VirtualLoop

Payload = dict[str, Any]
Wish = tuple[str, Payload]

TAGS = ("TAG-A", "TAG-B", "TAG-C", "TAG-D")


class Wishes:
    """Of one back end. It knows as much of the station as it was told."""

    def __init__(
        self, chance: Chance, loop: VirtualLoop, version: str, evses: int, answers: Answers
    ) -> None:
        self._chance = chance
        self._loop = loop
        self._v16 = version == "1.6"
        self._version = version
        self._evses = evses
        self._answers = answers
        self._numbers = 0
        self._holds: list[int] = []

    def any(self) -> Wish:
        """One of all."""
        what = self._chance.weighed(
            start=5, stop=4, unlock=2, reset=2, reserve=3, cancel=2, boot=1, ask=2
        )
        make = {
            "start": self.start,
            "stop": self._stop,
            "unlock": self._unlock,
            "reset": self._reset,
            "reserve": self._reserve,
            "cancel": self._cancel,
            "boot": self._boot,
            "ask": self._ask,
        }
        return make[what]()

    def start(self, token: str = "", evse: int | None = None) -> Wish:
        """A remote start; by default of anybody, anywhere."""
        if not token:
            token, evse = self._chance.pick(TAGS), self._some_evse(0.8)
        self._numbers += 1
        if self._v16:
            place = {} if evse is None else {"connectorId": evse}
            return "RemoteStartTransaction", {"idTag": token, **place}
        place = {} if evse is None else {"evseId": evse}
        asked = {"idToken": _token(token), "remoteStartId": self._numbers, **place}
        return "RequestStartTransaction", asked

    def _stop(self) -> Wish:
        running = list(self._answers.running)
        name = self._chance.pick(running) if running else "999"
        if self._v16:
            return "RemoteStopTransaction", {"transactionId": int(name)}
        return "RequestStopTransaction", {"transactionId": name}

    def _unlock(self) -> Wish:
        evse = self._chance.number(1, self._evses)
        place = {"connectorId": evse} if self._v16 else {"evseId": evse, "connectorId": 1}
        return "UnlockConnector", place

    def _reset(self) -> Wish:
        if self._v16:
            return "Reset", {"type": self._chance.pick(("Soft", "Hard"))}
        evse = self._some_evse(0.3)
        place = {} if evse is None else {"evseId": evse}
        return "Reset", {"type": self._chance.pick(("Immediate", "OnIdle")), **place}

    def _reserve(self) -> Wish:
        number = self._chance.pick(self._holds) if self._holds and self._tosses() else 0
        if not number:
            number = len(self._holds) + 1
            self._holds.append(number)
        until = self._loop.utc_now() + timedelta(seconds=self._chance.pick((40.0, 120.0, 400.0)))
        end = until.isoformat().replace("+00:00", "Z")
        token, evse = self._chance.pick(TAGS), self._some_evse(0.8)
        if self._v16:
            asked: Payload = {"reservationId": number, "connectorId": evse or 0}
            return "ReserveNow", {**asked, "idTag": token, "expiryDate": end}
        place = {} if evse is None else {"evseId": evse}
        return "ReserveNow", {
            "id": number,
            "expiryDateTime": end,
            "idToken": _token(token),
            **place,
        }

    def _cancel(self) -> Wish:
        known = self._chance.pick(self._holds) if self._holds else 77
        return "CancelReservation", {"reservationId": known}

    def _boot(self) -> Wish:
        return "TriggerMessage", {"requestedMessage": "BootNotification"}

    def _ask(self) -> Wish:
        if self._tosses():
            return "DataTransfer", {"vendorId": "of-the-back-end", "data": "1.0"}
        return "TriggerMessage", {"requestedMessage": "StatusNotification"}

    def _tosses(self) -> bool:
        return self._chance.happens(0.5)

    def _some_evse(self, probability: float) -> int | None:
        if not self._chance.happens(probability):
            return None
        return self._chance.number(1, self._evses)


def _token(value: str) -> Payload:
    return {"idToken": value, "type": "ISO14443"}
