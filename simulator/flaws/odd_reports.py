"""Reports that are true and look odd, and reports that name the wrong thing."""

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from simulator.behaviour import Behaviour, Frame
from simulator.dialects.messages import Payload, parse_time, stamp
from simulator.oddities.fields import ODD_FIELDS, odd_payload
from simulator.oddities.texts import ODD_TEXTS

_CALL = 2
_REPORTS = frozenset({"StartTransaction", "StopTransaction", "MeterValues", "TransactionEvent"})


def _is_report(frame: Frame) -> bool:
    return frame[0] == _CALL and frame[2] in _REPORTS


def _begins(frame: Frame) -> bool:
    """Whether this frame reports that a session has begun."""
    if frame[0] != _CALL:
        return False
    return bool(frame[2] == "StartTransaction" or frame[3].get("eventType") == "Started")


def _ends(frame: Frame) -> bool:
    if frame[0] != _CALL:
        return False
    return bool(frame[2] == "StopTransaction" or frame[3].get("eventType") == "Ended")


@dataclass(frozen=True)
class OddFields(Behaviour):
    """Writes fields of its reports in odd ways; what they say is true."""

    names: frozenset[str] = field(default=frozenset({"start-without-timestamp"}))

    def __post_init__(self) -> None:
        """Checks the names when the flaw is made.

        Raises: ValueError when one of them is unknown.
        """
        if unknown := self.names - set(ODD_FIELDS):
            raise ValueError(f"{', '.join(sorted(unknown))}: none of {', '.join(ODD_FIELDS)}")

    def written(self, frame: Frame) -> list[Frame]:
        """The report with its odd fields."""
        if not _is_report(frame):
            return [frame]
        *head, payload = frame
        for name in sorted(self.names):
            payload = odd_payload(name, frame[2], payload)
        return [[*head, payload]]


@dataclass(frozen=True)
class OddText(Behaviour):
    """Writes the text of its reports in an odd way, over which many parsers stumble."""

    name: str = "bom"

    def __post_init__(self) -> None:
        """Checks the name when the flaw is made.

        Raises: ValueError when it is unknown.
        """
        if self.name not in ODD_TEXTS:
            raise ValueError(f"{self.name}: none of {', '.join(ODD_TEXTS)}")

    def spelled(self, frame: Frame, text: str) -> str:
        """The odd text of a report."""
        return ODD_TEXTS[self.name](text) if _is_report(frame) else text


@dataclass(frozen=True)
class EndsBeforeStart(Behaviour):
    """Writes the end of every session as if it had come so many seconds earlier."""

    seconds: float = 660.0

    def written(self, frame: Frame) -> list[Frame]:
        """The end with its wrong time."""
        if not _ends(frame):
            return [frame]
        kind, identity, action, payload = frame
        wrong = parse_time(payload["timestamp"]) - timedelta(seconds=self.seconds)
        return [[kind, identity, action, {**payload, "timestamp": stamp(wrong)}]]


@dataclass(frozen=True)
class NoToken(Behaviour):
    """2.x: never says whose session it is."""

    def written(self, frame: Frame) -> list[Frame]:
        """The event without a token."""
        if frame[0] != _CALL or frame[2] != "TransactionEvent":
            return [frame]
        kind, identity, action, payload = frame
        kept = {key: value for key, value in payload.items() if key != "idToken"}
        return [[kind, identity, action, kept]]


@dataclass(frozen=True)
class WrongTag(Behaviour):
    """Reports its sessions under this tag, whoever began them."""

    tag: str = ""

    def written(self, frame: Frame) -> list[Frame]:
        """The begin of a session, with the wrong tag."""
        return [_changed(frame, self._renamed)] if _begins(frame) else [frame]

    def _renamed(self, payload: Payload) -> None:
        if "idTag" in payload:
            payload["idTag"] = self.tag
        elif "idToken" in payload:
            payload["idToken"]["idToken"] = self.tag


@dataclass(frozen=True)
class ConnectorZero(Behaviour):
    """Reports its sessions on connector 0, which is the whole station."""

    def written(self, frame: Frame) -> list[Frame]:
        """The begin of a session, on connector 0."""
        return [_changed(frame, self._moved)] if _begins(frame) else [frame]

    def _moved(self, payload: Payload) -> None:
        if "connectorId" in payload:
            payload["connectorId"] = 0
        elif "evse" in payload:
            payload["evse"] = {"id": 0}


@dataclass(frozen=True)
class NamesReservation(Behaviour):
    """Says of each of its sessions that it used the reservation with this number."""

    number: int = 1

    def written(self, frame: Frame) -> list[Frame]:
        """The begin of a session, with the number."""
        return [_changed(frame, self._numbered)] if _begins(frame) else [frame]

    def _numbered(self, payload: Payload) -> None:
        payload["reservationId"] = self.number


@dataclass(frozen=True)
class BeginsTwice(Behaviour):
    """Reports the begin of every session twice, as if two had begun on one plug."""

    def written(self, frame: Frame) -> list[Frame]:
        """The begin, and another one with an id of its own."""
        if not _begins(frame):
            return [frame]
        again = _changed(frame, self._another)
        again[1] = f"{frame[1][:30]}-again"
        return [frame, again]

    def _another(self, payload: Payload) -> None:
        if "transactionInfo" in payload:
            info = payload["transactionInfo"]
            info["transactionId"] = f"{info['transactionId'][:30]}-b"


def _changed(frame: Frame, change: Any) -> Frame:
    copy = deepcopy(frame)
    change(copy[3])
    return copy
