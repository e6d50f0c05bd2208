"""Whether a command may be sent now, must wait, or can never be sent.

Queueing counts: nothing is sent after `not_after`, whatever it waited for. An offline station ends
a FAIL_FAST command at once and lets a WAIT command queue; a connected station that has not been
accepted after its boot lets both queue, because it will be ready in a moment (OCPP 1.6 section 4.2,
2.0.1 B01-B03). "Not sent" is the only failure that is tried again, and only when whoever says so is
certain.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.evidence.sessions import Session
from domain.model.command import Command, Outcome, SessionFacts
from domain.model.outcomes import Cause, ending
from domain.model.specs import OfflinePolicy

MAX_ATTEMPTS = 50
"""How often sending is tried, in the end: a limit against endless refusals by gateways."""

RETRY_PAUSE = timedelta(milliseconds=500)
"""The pause after a certain "not sent"; it doubles with each try up to `LONGEST_PAUSE`."""

LONGEST_PAUSE = timedelta(seconds=10)

FIRST_ROUTE_LOOK = timedelta(seconds=30)
"""The first look for the station although nobody woke us; each next one waits twice as long."""


class Course(StrEnum):
    """What to do with a command that is not sent yet.

    STOP_FIRST: stop the session that keeps a connector locked; ASK: the station about it.
    """

    SEND = "SEND"
    WAIT = "WAIT"
    CONCLUDE = "CONCLUDE"
    STOP_FIRST = "STOP_FIRST"
    ASK = "ASK"


@dataclass(frozen=True)
class Whereabouts:
    """What is known about the way to a station. gateway: None when nobody holds its socket."""

    registered: bool
    gateway: str | None
    boot_state: str = ""


@dataclass(frozen=True)
class Heading:
    """Send, wait (with a sentence that says what for), or the outcome of a command not sent.

    look_again: when to look, None for the usual steps. wire_id, session: what an unlock stops, or
    asks about. stopped_first: how the session that it stopped ended.
    """

    course: Course
    progress: str = ""
    outcome: Outcome | None = None
    look_again: datetime | None = None
    wire_id: str = ""
    session: Session | None = None
    stopped_first: SessionFacts | None = None


def heading(command: Command, where: Whereabouts, now: datetime) -> Heading:
    """What to do with a command that is not sent yet, by where its station is."""
    if not where.registered:
        return Heading(Course.CONCLUDE, outcome=ending(Cause.STATION_UNKNOWN))
    if now >= command.not_after:
        return Heading(Course.CONCLUDE, outcome=ending(too_late(where)))
    if where.gateway is None:
        if command.offline_policy is OfflinePolicy.FAIL_FAST:
            return Heading(Course.CONCLUDE, outcome=ending(Cause.STATION_OFFLINE))
        return Heading(Course.WAIT, progress="The station is offline; waiting for it to connect.")
    if where.boot_state != "ACCEPTED":
        return Heading(Course.WAIT, progress="The station is starting up; waiting for its boot.")
    return Heading(Course.SEND)


def too_late(where: Whereabouts) -> Cause:
    """Why a command was not sent by its deadline."""
    if where.gateway is not None and where.boot_state != "ACCEPTED":
        return Cause.BOOT_NOT_ACCEPTED
    return Cause.NOT_AFTER_PASSED


def may_try_again(attempt: int, retry: bool, now: datetime, not_after: datetime) -> bool:
    """Whether a command that was certainly not sent is tried again."""
    return retry and attempt < MAX_ATTEMPTS and now < not_after


def pause_before(attempt: int) -> timedelta:
    """How long to wait after the given attempt was not sent."""
    return min(RETRY_PAUSE * (1 << min(attempt - 1, 10)), LONGEST_PAUSE)


def next_route_look(look: int, now: datetime, not_after: datetime) -> datetime:
    """When to look for the station again although nobody woke us (look: 0, 1, 2 ...)."""
    return min(now + FIRST_ROUTE_LOOK * (1 << min(look, 6)), not_after)
