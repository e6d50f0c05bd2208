"""Flaws in the frames that a station writes: duplicates, wrong or missing ids, a wrong clock."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from simulator.behaviour import Behaviour, Frame
from simulator.dialects.messages import Payload, parse_time

_CALL = 2
_SUMMER_IN_BERLIN = timedelta(hours=2)
_IDS = frozenset({"transactionId", "reservationId", "remoteStartId"})


@dataclass(frozen=True)
class DuplicateAnswers(Behaviour):
    """Writes every answer twice."""

    def written(self, frame: Frame) -> list[Frame]:
        """Doubles each CALLRESULT and CALLERROR."""
        return [frame] if frame[0] == _CALL else [frame, frame]


@dataclass(frozen=True)
class DuplicateMessages(Behaviour):
    """Writes each of its own messages twice, with the same message id."""

    def written(self, frame: Frame) -> list[Frame]:
        """Doubles each CALL."""
        return [frame, frame] if frame[0] == _CALL else [frame]


class _CallFlaw(Behaviour):
    """A flaw that changes the payloads of the station's own messages."""

    def written(self, frame: Frame) -> list[Frame]:
        """The message with a changed payload."""
        if frame[0] != _CALL:
            return [frame]
        kind, identity, action, payload = frame
        return [[kind, identity, action, self._changed(action, payload)]]

    def _changed(self, action: str, payload: Payload) -> Payload:
        raise NotImplementedError


@dataclass(frozen=True)
class MinusOneIds(_CallFlaw):
    """1.6: sends the end and the meter values of every transaction with the id -1."""

    def _changed(self, action: str, payload: Payload) -> Payload:
        wrong = action == "StopTransaction" or (
            action == "MeterValues" and "transactionId" in payload
        )
        return {**payload, "transactionId": -1} if wrong else payload


@dataclass(frozen=True)
class NoReservationId(_CallFlaw):
    """Never says which reservation a session used."""

    def _changed(self, action: str, payload: Payload) -> Payload:
        if action not in ("StartTransaction", "TransactionEvent"):
            return payload
        return {key: value for key, value in payload.items() if key != "reservationId"}


@dataclass(frozen=True)
class IdsAsStrings(_CallFlaw):
    """Sends numeric ids as strings with leading zeros: "007"."""

    def _changed(self, action: str, payload: Payload) -> Payload:  # noqa: ARG002
        return _mapped(payload, _IDS, lambda value: f"{value:03d}" if _is_id(value) else value)


@dataclass(frozen=True)
class ExtraFields(Behaviour):
    """Adds fields that OCPP does not define to every message and every answer."""

    def written(self, frame: Frame) -> list[Frame]:
        """Changes the last element: the payload of a CALL or of a CALLRESULT."""
        *head, payload = frame
        extra = {"xSignalDbm": -71, "xModem": {"sim": "none", "retries": [1, 2]}}
        return [[*head, {**payload, **extra}]]


@dataclass(frozen=True)
class WrongClock(_CallFlaw):
    """Its clock is wrong; so its reservations end at the wrong time.

    The value is the seconds that the clock is ahead (negative: behind), or `1970`: the year of a
    clock without a battery. Five values change only the written times: `222222017` is the year,
    `no-offset` leaves out the Z, `local` is two hours ahead without saying so, `lower-case` has a
    small t and z, `constant` is always the same.
    """

    how: str = "86400"

    def now(self, true_time: datetime) -> datetime:
        """The wrong time."""
        match self.how:
            case "222222017" | "no-offset" | "local" | "lower-case" | "constant":
                return true_time
            case "1970":
                new_year = datetime(true_time.year, 1, 1, tzinfo=UTC)
                return datetime(1970, 1, 1, tzinfo=UTC) + (true_time - new_year)
            case seconds:
                return true_time + timedelta(seconds=float(seconds))

    def __post_init__(self) -> None:
        """Checks the value when the flaw is made.

        Raises: ValueError when it is none of the above.
        """
        self.now(datetime.now(UTC))

    def _changed(self, action: str, payload: Payload) -> Payload:  # noqa: ARG002
        return _mapped(payload, frozenset({"timestamp"}), self._text)

    def _text(self, stamp: Any) -> Any:
        match self.how:
            case "222222017":
                return re.sub(r"^\d+", "222222017", stamp)
            case "no-offset":
                return str(stamp).removesuffix("Z")
            case "local":
                return f"{parse_time(stamp) + _SUMMER_IN_BERLIN:%Y-%m-%dT%H:%M:%S}"
            case "lower-case":
                return str(stamp).lower()
            case "constant":
                return "2020-01-01T00:00:00Z"
            case _:
                return stamp


def _mapped(payload: Payload, keys: frozenset[str], change: Callable[[Any], Any]) -> Payload:
    """A copy in which the values of these keys are changed, at every depth."""

    def inner(value: Any) -> Any:
        if isinstance(value, dict):
            return _mapped(value, keys, change)
        return [inner(each) for each in value] if isinstance(value, list) else value

    return {key: change(value) if key in keys else inner(value) for key, value in payload.items()}


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and value >= 0
