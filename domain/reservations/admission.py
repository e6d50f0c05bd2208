"""Which reservations may be made, changed and used: the rules that a request has to pass. Pure.

The broker asks here before anything is durable, and turns what it hears into its refusals. Nothing
is looked up: the reservation, the time and the digests of tokens are arguments. Which end a
reservation comes to afterwards is decided elsewhere (`transitions`, `next_step`).
"""

import hashlib
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from enum import Enum, auto

from domain.reservations.reservation import Reservation, ReservationState

MIN_LENGTH = timedelta(seconds=1)
MAX_LENGTH = timedelta(days=30)
"""How long a reservation may be held, both ends included, counted from the request."""


class EndVerdict(Enum):
    """Whether a reservation may end when its caller says."""

    FITS = auto()
    NOT_IN_FUTURE = auto()
    TOO_LATE = auto()
    BAD_LENGTH = auto()


class UseVerdict(Enum):
    """Whether a start may use a reservation, or the first reason why not."""

    USABLE = auto()
    OF_ANOTHER_STATION = auto()
    NOT_HELD = auto()
    FOR_ANOTHER_TOKEN = auto()


class ChangeVerdict(Enum):
    """Whether a reservation may be changed, or why not."""

    CHANGEABLE = auto()
    ENDED = auto()
    NOT_HELD = auto()


def judge_expire_time(expire_time: datetime, now: datetime) -> EndVerdict:
    """Whether a reservation that is asked for now may end at this moment."""
    if expire_time <= now:
        return EndVerdict.NOT_IN_FUTURE
    return EndVerdict.TOO_LATE if expire_time > now + MAX_LENGTH else EndVerdict.FITS


def judge_ttl(ttl: timedelta) -> EndVerdict:
    """Whether a reservation may be held for this long."""
    return EndVerdict.FITS if MIN_LENGTH <= ttl <= MAX_LENGTH else EndVerdict.BAD_LENGTH


def end_of(expire_time: datetime | None, ttl: timedelta | None, now: datetime) -> datetime | None:
    """When a reservation ends: at the moment that was given, or after the span, counted from now.

    None when neither was given: a change then leaves the end as it is.
    """
    return expire_time if ttl is None else now + ttl


def sent_until(not_after: datetime, expire_time: datetime) -> datetime:
    """Until when ReserveNow may be sent: a reservation that is over is not asked for.

    not_after: the limit of the command, by default.
    """
    return min(not_after, expire_time)


def reservation_id(tenant: str, command: str) -> str:
    """Our id of the reservation that a ReserveNow makes: 24 hexadecimal digits.

    command: the request id. The same request always makes the same reservation, so that a repeat,
    also at another broker, cannot make a second one.
    """
    return hashlib.sha256(f"reservation\n{tenant}\n{command}".encode()).hexdigest()[:24]


def judge_use(known: Reservation, station: str, digests: AbstractSet[str]) -> UseVerdict:
    """Whether a session that is started at `station` may use this reservation.

    digests: of the token and the group token of the start. One of them has to be one of the
    reservation's own.
    """
    if known.station != station:
        return UseVerdict.OF_ANOTHER_STATION
    if known.state is not ReservationState.HELD:
        return UseVerdict.NOT_HELD
    if not digests & _digests(known):
        return UseVerdict.FOR_ANOTHER_TOKEN
    return UseVerdict.USABLE


def judge_change(known: Reservation) -> ChangeVerdict:
    """Whether this reservation may be changed: only while the station holds it."""
    if known.ended:
        return ChangeVerdict.ENDED
    if known.state is not ReservationState.HELD:
        return ChangeVerdict.NOT_HELD
    return ChangeVerdict.CHANGEABLE


def is_being_asked_for(known: Reservation) -> bool:
    """Whether its ReserveNow is still under way: then it is cancelled by cancelling the command."""
    return known.state is ReservationState.REQUESTED


def may_still_be_asked_for(known: Reservation | None, expire_time: datetime, now: datetime) -> bool:
    """Whether ReserveNow may still be written. A station would hold for nobody what is over.

    known: the reservation as the log has it; None: the log does not have it. expire_time: the end
    that the frame asks for.
    """
    return now < expire_time and (known is None or not known.ended)


def _digests(known: Reservation) -> frozenset[str]:
    group = known.group_id_token
    return frozenset({known.id_token.digest, *([group.digest] if group is not None else [])})
