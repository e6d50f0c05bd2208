"""What really happened in a world: written down by the station itself, read by the rules only."""

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
    """

    number: int
    evse: int
    token: str
    cause: str
    begun: datetime
    ended: datetime | None = None
    end_cause: str = ""
    swiped: bool = False
    wire_id: str | None = None
    names_its_start: bool = False
    """2.x: at least one message of it carried our remoteStartId."""
    named_late: bool = False
    """2.x: but its first one did not."""

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self.ended is None


@dataclass
class Truth:
    """All of it."""

    frames: list[FrameSeen] = field(default_factory=list)
    sessions: list[TrueSession] = field(default_factory=list)
    all_reported: bool = True

    def caused_by(self, message_ids: set[str]) -> list[TrueSession]:
        """The sessions that followed one of these frames."""
        return [session for session in self.sessions if session.cause in message_ids]

    def arrived(self, message_id: str) -> FrameSeen | None:
        """The frame with this id, when the station got it."""
        return next((frame for frame in self.frames if frame.message_id == message_id), None)
