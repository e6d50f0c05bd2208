"""What really happened in a world. The station writes it down; only the rules read it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass
class FrameSeen:
    """A CALL of ours that really arrived at the station."""

    at: datetime
    message_id: str
    action: str
    payload: dict[str, Any]
    said: str = ""
    """What it answered: the status word, the error code, or "" for nothing."""


@dataclass
class TrueSession:
    """A session that really ran.

    number: also its first meter reading, by which its record in the fleet is recognised.
    cause: message id of the start frame that it followed, "" when its driver began it.
    begun, ended: by the true clock. end_cause: message id of the stop frame, else a word.
    swiped: its token was also presented at the station while a remote start waited for it.
    refused: whether an answer to one of its reports said that its token is refused.
    """

    number: int
    evse: int
    token: str
    cause: str
    begun: datetime
    ended: datetime | None = None
    end_cause: str = ""
    swiped: bool = False
    refused: bool = False
    ocpp_transaction_id: str | None = None
    names_its_start: bool = False
    """2.x: at least one message of it carried our remoteStartId."""
    named_late: bool = False
    """2.x: but its first one did not."""
    hold: int | None = None
    """The number of the hold that it used."""
    hold_named: bool = False
    """Whether it told us so."""
    lent_hold: int | None = None
    """The number of somebody else's hold, under which it was reported."""
    opened: datetime | None = None
    """2.x: when its cable came, if a transaction was open before anybody wanted to charge."""
    begin_told: datetime | None = None
    """When a report that it runs first reached a gateway that listens."""
    end_told: datetime | None = None
    """When a report that it has ended first reached a gateway that listens."""

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self.ended is None


@dataclass
class TrueHold:
    """One unbroken time during which the station really held a place.

    wire_id: the number that it knows the hold by. evse: None: any.
    cause: message id of the frame that made it, "revived" after a restart.
    until: when the station lets it go by its own clock, in true time; None: never by itself.
    end_cause: message id of what ended it, else a word: "used", "expired", "reboot", "replaced",
        "refused a change", "shown" (its token was shown, and no session came of it).
    shown: whether a status that says Reserved was taken from the station meanwhile.
    left_car: whether a car without a session was plugged in there when it ended.
    """

    wire_id: int
    evse: int | None
    token: str
    group: str
    cause: str
    begun: datetime
    until: datetime | None
    ended: datetime | None = None
    end_cause: str = ""
    shown: bool = False
    left_car: bool = False

    @property
    def running(self) -> bool:
        """Whether the station holds it now."""
        return self.ended is None

    def ran_between(self, begin: datetime, end: datetime) -> bool:
        """Whether it was held at any moment of this span."""
        return self.begun <= end and (self.ended is None or self.ended >= begin)


@dataclass
class TrueUnlock:
    """A connector that really was unlocked. cause: message id of the frame."""

    at: datetime
    evse: int
    cause: str


@dataclass
class TrueRestart:
    """The station, or one EVSE of it, really restarted. cause: message id, "" by itself."""

    at: datetime
    evse: int | None
    cause: str


@dataclass
class Truth:
    """All of it. all_reported: nothing that must be told waits in its queue in the end."""

    frames: list[FrameSeen] = field(default_factory=list)
    sessions: list[TrueSession] = field(default_factory=list)
    holds: list[TrueHold] = field(default_factory=list)
    unlocks: list[TrueUnlock] = field(default_factory=list)
    restarts: list[TrueRestart] = field(default_factory=list)
    all_reported: bool = True
    heartbeats: list[tuple[datetime, str]] = field(default_factory=list)
    """When a heartbeat was answered, and the time that it was told."""
    wrong_answers: list[str] = field(default_factory=list)
    """Answers that are no answers to what it asked."""
    statuses: dict[int, tuple[datetime, str]] = field(default_factory=dict)
    """The last status of each connector that was confirmed, and when."""
    last_said: dict[int, str] = field(default_factory=dict)
    """The last status of each connector that it wrote, confirmed or not."""
    shown_since: dict[int, datetime] = field(default_factory=dict)
    """When a status of each connector was confirmed for the first time."""
    connections: list[datetime] = field(default_factory=list)
    """When each of its connections began."""
    connected: bool = True
    """Whether it had a connection in the end."""

    def caused_by(self, message_ids: set[str]) -> list[TrueSession]:
        """The sessions that followed one of these frames."""
        return [session for session in self.sessions if session.cause in message_ids]

    def held_as(self, wire_id: int) -> list[TrueHold]:
        """Every time that something was held by this number."""
        return [hold for hold in self.holds if hold.wire_id == wire_id]

    def arrived(self, message_id: str) -> FrameSeen | None:
        """The frame with this id, when the station got it."""
        return next((frame for frame in self.frames if frame.message_id == message_id), None)
