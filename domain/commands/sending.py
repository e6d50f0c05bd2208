"""Whether a command may be sent now, must wait, or can never be sent.

Queueing counts: nothing is sent after `not_after`, whatever it waited for. An offline station ends
a FAIL_FAST command at once and lets a WAIT command queue. A station whose gateway drained is about
to connect to another one, so that a FAIL_FAST command waits for it for a short while. A connected
station that has not been accepted after its boot lets both queue, because it will be ready in a
moment (OCPP 1.6 section 4.2, 2.0.1 B01-B03). "Not sent" is the only failure that is tried again,
and only when whoever says so is certain.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from domain.backoff import pause_after
from domain.evidence.sessions import Session
from domain.limits import (
    LONGEST_RETRY_PAUSE,
    LONGEST_ROUTE_LOOK,
    MAX_ATTEMPTS,
    MOVE_PATIENCE,
    RETRY_PAUSE,
    ROUTE_LOOK,
)
from domain.model.command import Command, Outcome, SessionFacts
from domain.model.outcomes import Cause, ending
from domain.model.specs import OfflinePolicy


class SendAct(StrEnum):
    """What to do with a command that is not sent yet.

    STOP_FIRST: stop the session that keeps the connector locked. ASK: ask the station about it.
    """

    SEND = "SEND"
    WAIT = "WAIT"
    CONCLUDE = "CONCLUDE"
    STOP_FIRST = "STOP_FIRST"
    ASK = "ASK"


@dataclass(frozen=True)
class Whereabouts:
    """Where a station is.

    gateway: the one that holds its socket; None: no gateway does. moved_time: when the gateway that
        held it closed its socket to drain; None: it did not, or the station has connected since.
    quarantined: a quarantine of the station keeps this command from it (`domain.model.twins`).
    """

    registered: bool
    gateway: str | None
    boot_state: str = ""
    moved_time: datetime | None = None
    quarantined: bool = False


@dataclass(frozen=True)
class SendDecision:
    """Send, wait (`progress` says what for), or the outcome of a command that is never sent.

    look_again: when; None: in the usual growing steps. ocpp_transaction_id, session: what an
        unlock stops, or
    asks about. stopped_first: how the session that it stopped has ended.
    """

    act: SendAct
    progress: str = ""
    outcome: Outcome | None = None
    look_again: datetime | None = None
    ocpp_transaction_id: str = ""
    session: Session | None = None
    stopped_first: SessionFacts | None = None


def before_sending(command: Command, where: Whereabouts, now: datetime) -> SendDecision:
    """What to do with a command that is not sent yet, by where its station is alone."""
    if not where.registered:
        return SendDecision(SendAct.CONCLUDE, outcome=ending(Cause.STATION_UNKNOWN))
    if now >= command.not_after:
        return SendDecision(SendAct.CONCLUDE, outcome=ending(too_late(where)))
    if where.gateway is None:
        return _while_away(command, where.moved_time, now)
    if where.quarantined:
        return SendDecision(SendAct.CONCLUDE, outcome=ending(Cause.STATION_QUARANTINED))
    if where.boot_state != "ACCEPTED":
        return SendDecision(
            SendAct.WAIT, progress="The station is starting up; waiting for its boot."
        )
    return SendDecision(SendAct.SEND)


WAITING_FOR_ID = "The session has no id yet; waiting for the station's back end to give one."


def until_it_has_an_id(here: SendDecision) -> SendDecision:
    """What to do with a command that ends a session without an id, instead of sending it.

    here: what would be done with it if the session had one.
    """
    if here.act is SendAct.SEND:
        return SendDecision(SendAct.WAIT, progress=WAITING_FOR_ID)
    late = here.outcome is not None and here.outcome.cause == Cause.NOT_AFTER_PASSED
    return replace(here, outcome=ending(Cause.SESSION_WITHOUT_ID)) if late else here


def _while_away(command: Command, moved_time: datetime | None, now: datetime) -> SendDecision:
    """What to do with a command whose station no gateway holds."""
    if command.offline_policy is not OfflinePolicy.FAIL_FAST:
        return SendDecision(
            SendAct.WAIT, progress="The station is offline; waiting for it to connect."
        )
    if moved_time is None or now >= moved_time + MOVE_PATIENCE:
        return SendDecision(SendAct.CONCLUDE, outcome=ending(Cause.STATION_OFFLINE))
    return SendDecision(
        SendAct.WAIT,
        progress="The station changes its gateway; waiting for it to connect.",
        look_again=min(moved_time + MOVE_PATIENCE, command.not_after),
    )


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
    return pause_after(attempt, RETRY_PAUSE, LONGEST_RETRY_PAUSE)


def next_route_look(look: int, now: datetime, not_after: datetime) -> datetime:
    """When to look for the station again although nobody woke us (look: 0, 1, 2 ...)."""
    return min(now + pause_after(look + 1, ROUTE_LOOK, LONGEST_ROUTE_LOOK), not_after)
