"""What callers were told, in plain words: the JSON of the API. Nothing else of ours is known."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.simulation.station.truth import TrueSession, Truth

Words = dict[str, Any]

ARRIVED = timedelta(seconds=3)
"""So long after a report got through, a gateway that lives has read it."""

ROUGHLY = timedelta(seconds=3)


@dataclass(frozen=True)
class CommandWords:
    """One command. said: as GetCommand shows it. frames: the message ids of all its frames."""

    said: Words
    frames: frozenset[str]

    @property
    def name(self) -> str:
        """Of the command."""
        return str(self.said["name"])


@dataclass(frozen=True)
class PlainWords:
    """Everything that callers can read. connectors: the status of each EVSE's connector."""

    commands: tuple[CommandWords, ...] = ()
    reservations: tuple[Words, ...] = ()
    sessions: tuple[Words, ...] = ()
    connectors: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """What the judge is shown.

    record: what the station did. words: what callers were told.
    undisturbed: no process and no database of ours failed. usable: every report can be understood.
    renames: the station reports its sessions under another tag.
    nameless: an end may name no session.
    dated: every report of a start tells a time, by a clock that runs.
    placed: every report of a start tells its connector. zoned: every time tells its zone.
    clocked: every time is of these years.
    answers: the gateway answers the station itself; else a back end does it.
    soon: every message of the station is answered soon, and well.
    read_until: a report that came later may not be read before the world ended.
    """

    record: Truth
    words: PlainWords
    undisturbed: bool = True
    usable: bool = True
    renames: bool = False
    nameless: bool = False
    dated: bool = True
    placed: bool = True
    zoned: bool = True
    clocked: bool = True
    answers: bool = True
    soon: bool = True
    read_until: datetime | None = None

    def was_read(self, told: datetime | None) -> bool:
        """Whether there was time to read a report that got through then."""
        return told is not None and (self.read_until is None or told < self.read_until)

    def of_kind(self, kind: str) -> Iterator[tuple[CommandWords, "Ended"]]:
        """Every command of this kind that has ended. An outcome before that is no last word."""
        for command in self.words.commands:
            outcome = command.said.get("outcome")
            if outcome is None or "outcomeTime" not in command.said:
                continue
            if command.said["kind"] == f"KIND_{kind}":
                yield command, Ended(outcome, moment(command.said, "outcomeTime"))

    def began(self, command: CommandWords) -> list[TrueSession]:
        """The sessions that the station began because of this command."""
        return self.record.caused_by(set(command.frames))

    def arrived(self, command: CommandWords, *actions: str) -> bool:
        """Whether the station got a frame of this command with one of these actions."""
        return any(
            frame.message_id in command.frames and frame.action in actions
            for frame in self.record.frames
        )

    def session_called(self, wire_id: str | None) -> TrueSession | None:
        """The session that has this id."""
        sessions = self.record.sessions
        return next(
            (one for one in sessions if wire_id and one.ocpp_transaction_id == wire_id), None
        )


@dataclass(frozen=True)
class Ended:
    """An outcome. at: when it was told."""

    outcome: Words
    at: datetime

    @property
    def code(self) -> str:
        """Its code, without the prefix."""
        return str(self.outcome["code"]).removeprefix("CODE_")

    @property
    def cause(self) -> str:
        """Why."""
        return str(self.outcome.get("cause", ""))


def moment(words: Words, key: str) -> datetime:
    """A time of the API."""
    return datetime.fromisoformat(words[key])


def tail(token: Words) -> str:
    """What is shown of a token."""
    return str(token.get("value", "")).strip("*")


def compensated(said: Words) -> str:
    """The state of what is undone: NONE, PENDING, DONE or FAILED."""
    state = said.get("compensation", {}).get("state", "STATE_NONE")
    return str(state).removeprefix("STATE_")
