"""The messages of a station and its answers, in the shape that all dialects share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from simulator.charger.charger import Charger
from simulator.charger.model import ChargingSession, DriverToken, Event
from simulator.config import StationConfig

Payload = dict[str, Any]
Accepted = Callable[[DriverToken, datetime], list[Event]]


@dataclass(frozen=True)
class CallErrorReply:
    """A CALLERROR as the answer to a CALL of the back end."""

    code: str
    description: str = ""


@dataclass(frozen=True)
class CallAnswer:
    """The answer to a CALL of the back end, and its consequences.

    events: what happens in the charger because of the CALL.
    then: messages that the CALL asked for (TriggerMessage, Authorize).
    """

    reply: Payload | CallErrorReply
    events: list[Event] = field(default_factory=list)
    then: list["Outgoing"] = field(default_factory=list)


@dataclass(frozen=True)
class Outgoing:
    """A CALL of the station.

    payload: builds the payload at the moment of sending, because 1.6 learns the transactionId only
        from the answer to StartTransaction. Returns None when there is nothing to send any longer.
    keep: the message is kept over a loss of the network until it is answered. So are all messages
        about transactions and about the end of a reservation.
    on_answer: returns the events that the back end's answer causes. None: it causes none.
    """

    action: str
    payload: Callable[[], Payload | None]
    keep: bool = False
    on_answer: Callable[[Payload, datetime], list[Event]] | None = None


class StationDialect(Protocol):
    """The words of one OCPP version.

    unreadable: the CALLERROR code for a payload that the station cannot read.
    """

    subprotocol: str
    unreadable: str

    def boot(self, reason: str) -> Outgoing:
        """BootNotification."""

    def status(self, evse_id: int, now: datetime) -> Outgoing:
        """StatusNotification of an EVSE as it is now."""

    def authorize(self, token: DriverToken, accepted: Accepted) -> Outgoing:
        """Authorize. `accepted` is called when the back end accepts the token, with its group."""

    def meter_values(self, session: ChargingSession, now: datetime) -> Outgoing:
        """The periodic meter values of a running session."""

    def messages(self, event: Event, now: datetime, *, offline: bool) -> list[Outgoing]:
        """The messages about an event. offline: whether the station is offline now."""

    def answer(self, action: str, payload: Payload, now: datetime, queued: int) -> CallAnswer:
        """The honest answer to a CALL. queued: the number of undelivered transaction messages."""


DialectFactory = Callable[[StationConfig, Charger], StationDialect]


def stamp(time: datetime) -> str:
    """OCPP's date-time, in UTC with milliseconds."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """Reads a date-time of OCPP. A time without an offset is taken as UTC."""
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)
