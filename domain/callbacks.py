"""Which changes of a command are news, in which order they are posted, and when they are given up.

A post is one change (revision) of one command, or one event (`domain.callback_events`) of one
station, transaction or reservation. Posts about one thing go out one after the other, the older
first. The one exception costs nobody anything: while a *state on the way* is being retried, a
newer change replaces it, because whoever was not reachable for the old state wants the present one.
An outcome is never replaced, so a receiver that counts outcomes sees every one of them. Whatever
cannot be delivered is parked after the last try and holds nothing back any longer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import NAMESPACE_URL, uuid5

from domain.callback_events import PASSING
from domain.model.command import Callback, CallbackEvents, Command, State


class NewsKind(StrEnum):
    """What a post is about: its `type`."""

    OUTCOME = "command.outcome"
    STATE = "command.state"


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "PENDING"
    RETRYING = "RETRYING"
    DELIVERED = "DELIVERED"
    PARKED = "PARKED"
    SUPERSEDED = "SUPERSEDED"


class DeliveryCause(StrEnum):
    """Why a try failed, or a delivery was parked."""

    UNREACHABLE = "UNREACHABLE"
    TLS_FAILED = "TLS_FAILED"
    NO_ANSWER = "NO_ANSWER"
    BROKEN_ANSWER = "BROKEN_ANSWER"
    RECEIVER_FAILED = "RECEIVER_FAILED"
    RECEIVER_BUSY = "RECEIVER_BUSY"
    TRY_LOST = "TRY_LOST"
    REFUSED = "REFUSED"
    REDIRECTED = "REDIRECTED"
    GONE = "GONE"
    ANSWER_TOO_LARGE = "ANSWER_TOO_LARGE"
    ADDRESS_FORBIDDEN = "ADDRESS_FORBIDDEN"
    ADDRESS_INVALID = "ADDRESS_INVALID"
    DISABLED = "DISABLED"
    NOT_ALLOWED = "NOT_ALLOWED"
    SECRET_MISSING = "SECRET_MISSING"  # noqa: S105  the name of a cause


PAUSES = (
    timedelta(seconds=30),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=8),
    timedelta(hours=20),
    timedelta(hours=42),
)
"""How long to wait after each failed try: 8 tries within 72 and a half hours."""

TRIES = len(PAUSES) + 1

_REPLACEABLE = PASSING | {NewsKind.STATE.value}

RETRY_AFTER_LIMIT = timedelta(hours=24)
"""A receiver may ask for at most so long a wait before the next try."""


@dataclass(frozen=True)
class Waiting:
    """A change that is not delivered yet. resent: somebody asked for it again.

    revision: of the command, or an event's number. news: its type.
    """

    revision: int
    news: str
    resent: bool = False


@dataclass(frozen=True)
class Pick:
    """The change to post next, None when nothing waits, and those that it replaces."""

    next: Waiting | None
    replaced: tuple[int, ...] = ()


def news_of(callback: Callback, before: Command | None, after: Command) -> NewsKind | None:
    """What this change is to the receiver; None when it did not ask for it. `before` None: first.

    An outcome is news when the command ends, and again when it is raised or when something has to
    be undone or was: the receiver must not be left with what is no longer true.
    """
    if after.state is State.DONE and _told(after) != _told(before):
        return NewsKind.OUTCOME
    if callback.events is not CallbackEvents.ALL:
        return None
    moved = before is None or before.state is not after.state
    learned = before is not None and before.outcome != after.outcome
    return NewsKind.STATE if moved or learned else None


def pick(waiting: Sequence[Waiting], tried: int) -> Pick:
    """The change to post next. waiting: the oldest first. tried: the revision that failed last."""
    if not waiting:
        return Pick(None)
    index = 0
    if waiting[0].revision == tried:
        while index < len(waiting) - 1 and _may_be_replaced(waiting[index]):
            index += 1
    return Pick(waiting[index], tuple(each.revision for each in waiting[:index]))


def pause_after(tries: int, retry_after_s: float | None = None) -> timedelta | None:
    """How long to wait after so many failed tries; None when that was the last one."""
    if tries >= TRIES:
        return None
    asked = timedelta(seconds=min(retry_after_s or 0.0, RETRY_AFTER_LIMIT.total_seconds()))
    return max(PAUSES[tries - 1], asked)


def delivery_id(tenant: str, command: str, revision: int) -> str:
    """The id of a post (webhook-id): the same however often it is sent."""
    return f"msg_{uuid5(NAMESPACE_URL, f'evcommand/{tenant}/{command}/{revision}').hex}"


def _may_be_replaced(change: Waiting) -> bool:
    return change.news in _REPLACEABLE and not change.resent


def _told(command: Command | None) -> tuple[object, ...] | None:
    """What a post of the outcome says about a command; None before the command is DONE."""
    if command is None or command.state is not State.DONE:
        return None
    return (command.outcome, command.compensation.state)
