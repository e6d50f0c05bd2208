"""What goes over the wire, and what stands behind it, for both dialects."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from simulator.charger.charger import Charger
from simulator.config import StationConfig
from simulator.charger.model import Event, Session, Token

Payload = dict[str, Any]
Accepted = Callable[[Token, datetime], list[Event]]


@dataclass(frozen=True)
class Refusal:
    """A CALLERROR."""

    code: str
    description: str = ""


@dataclass(frozen=True)
class Answer:
    """To the back end's CALL, and what follows it.

    events: what happens in the charger because of it. then: messages that were asked for.
    """

    reply: Payload | Refusal
    events: list[Event] = field(default_factory=list)
    then: list["Outgoing"] = field(default_factory=list)


@dataclass(frozen=True)
class Outgoing:
    """A CALL of the station.

    payload: built when it is sent, since 1.6 learns a transaction's id only from the answer to its
        start. None: there is nothing to say any longer.
    keep: kept until it was answered, over any loss of the network: what happened in a transaction,
        and the end of a reservation.
    heard: what the back end's answer changes.
    """

    action: str
    payload: Callable[[], Payload | None]
    keep: bool = False
    heard: Callable[[Payload, datetime], list[Event]] | None = None


class Dialect(Protocol):
    """One OCPP version's words. `unreadable`: its CALLERROR code for a payload it cannot read."""

    subprotocol: str
    unreadable: str

    def boot(self, reason: str) -> Outgoing:
        """BootNotification."""

    def status(self, evse_id: int, now: datetime) -> Outgoing:
        """StatusNotification of an outlet as it is now."""

    def authorize(self, token: Token, accepted: Accepted) -> Outgoing:
        """Authorize; `accepted` happens when the back end takes the token; it learns its group."""

    def meter_values(self, session: Session, now: datetime) -> Outgoing:
        """The periodic meter values of a running session."""

    def messages(self, event: Event, now: datetime, *, offline: bool) -> list[Outgoing]:
        """What is told about an event."""

    def answer(self, action: str, payload: Payload, now: datetime, queued: int) -> Answer:
        """The honest answer. `queued`: transaction messages that were not delivered yet."""


DialectFactory = Callable[[StationConfig, Charger], Dialect]


def stamp(time: datetime) -> str:
    """OCPP's date-time, in UTC with milliseconds."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """The opposite of `stamp`; a time without an offset is taken as UTC."""
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)
