"""The waiting list of a pool: who is offered a place that becomes free, and until when. Pure.

Who waits longest is asked first. Who was displaced goes before everybody else: a place was promised
already. One who says "not now" keeps the place in the line, as often as the policy allows. An
offer that nobody takes lapses, and the next one is asked.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from domain.bookings.policies.policy import WaitlistTerms


class WaitState(StrEnum):
    """Where somebody who waits stands. ACCEPTED, LEFT and LAPSED are ends."""

    WAITING = "WAITING"
    OFFERED = "OFFERED"
    SNOOZED = "SNOOZED"
    ACCEPTED = "ACCEPTED"
    LEFT = "LEFT"
    LAPSED = "LAPSED"


_W = WaitState

WAIT_TRANSITIONS: Mapping[WaitState, frozenset[WaitState]] = {
    _W.WAITING: frozenset({_W.OFFERED, _W.LEFT, _W.LAPSED}),
    _W.OFFERED: frozenset({_W.ACCEPTED, _W.SNOOZED, _W.WAITING, _W.LEFT, _W.LAPSED}),
    _W.SNOOZED: frozenset({_W.OFFERED, _W.LEFT, _W.LAPSED}),
    _W.ACCEPTED: frozenset(),
    _W.LEFT: frozenset(),
    _W.LAPSED: frozenset(),
}


@dataclass(frozen=True)
class WaitlistEntry:
    """Somebody who waits for a span. displaced: a booking of this span was taken away.

    joined: since when. offer_expires: until when the offer stands, while there is one.
    """

    id: str
    joined: datetime
    start: datetime
    end: datetime
    state: WaitState = WaitState.WAITING
    displaced: bool = False
    snoozes_left: int = 0
    offer_expires: datetime | None = None

    @property
    def waits(self) -> bool:
        """Whether it may be offered a place."""
        return self.state in {WaitState.WAITING, WaitState.SNOOZED}


def in_order(entries: Iterable[WaitlistEntry]) -> list[WaitlistEntry]:
    """Those who may be offered a place, the first one first. A snoozed one comes after the rest."""
    return sorted(
        (one for one in entries if one.waits),
        key=lambda one: (
            one.state is WaitState.SNOOZED,
            not one.displaced,
            one.joined,
            one.id,
        ),
    )


def offered(entry: WaitlistEntry, terms: WaitlistTerms, now: datetime) -> WaitlistEntry:
    """The entry with an offer, which never stands longer than the span that it is for."""
    until = min(now + terms.offer_lasts, entry.end)
    return replace(entry, state=WaitState.OFFERED, offer_expires=until)


def accepted(entry: WaitlistEntry, now: datetime) -> WaitlistEntry | None:
    """The entry when its offer is taken; None: there is no offer (any more)."""
    if not _stands(entry, now):
        return None
    return replace(entry, state=WaitState.ACCEPTED, offer_expires=None)


def snoozed(entry: WaitlistEntry, now: datetime) -> WaitlistEntry | None:
    """The entry when its holder says "not now"; None: there is no offer, or no snooze is left."""
    if not _stands(entry, now) or not entry.snoozes_left:
        return None
    left = entry.snoozes_left - 1
    return replace(entry, state=WaitState.SNOOZED, snoozes_left=left, offer_expires=None)


def at(entry: WaitlistEntry, now: datetime) -> WaitlistEntry:
    """The entry as it is at a moment: an offer that was not taken is over, as is a span."""
    if WAIT_TRANSITIONS[entry.state] and now >= entry.end:
        return replace(entry, state=WaitState.LAPSED, offer_expires=None)
    if entry.offer_expires is not None and now >= entry.offer_expires:
        return replace(entry, state=WaitState.LAPSED, offer_expires=None)
    return entry


def _stands(entry: WaitlistEntry, now: datetime) -> bool:
    return entry.offer_expires is not None and now < entry.offer_expires
