"""Who may charge where, while places are booked, and what is done about who should not. Pure.

A driver who plugs in at another EVSE of the right pool has a booking all the same: it is moved to
that EVSE, when that promises nobody else's place away. A driver without a booking may use a place
until the next booking of it may begin, and is told until when. In a slot that is booked for another
driver a token is refused. The word of the refusal is the station's dialect's business.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.bookings.policies.policy import BookingPolicy, LadderStep
from domain.bookings.policies.requests import Holder


class PlaceEntry(StrEnum):
    """What is said to a token at an EVSE of a pool.

    OWN_PLACE: it has this place now. MOVE_HERE: it has another place of the pool now, and gets this
    one. WALK_IN: nobody has the place now. BOOKED: another driver has it now. TOO_EARLY: its own
    booking begins later, and until then another driver has the place.
    """

    OWN_PLACE = "OWN_PLACE"
    MOVE_HERE = "MOVE_HERE"
    WALK_IN = "WALK_IN"
    BOOKED = "BOOKED"
    TOO_EARLY = "TOO_EARLY"


MAY_CHARGE = frozenset({PlaceEntry.OWN_PLACE, PlaceEntry.MOVE_HERE, PlaceEntry.WALK_IN})
"""The entries with which a session may begin."""


@dataclass(frozen=True)
class Slot:
    """A booking as its station sees it. place: the EVSE that it is bound to; "": none yet.

    fixed: it cannot be moved, because its driver is there, or on the way to a place he was told.
    """

    booking: str
    holder: Holder
    start: datetime
    end: datetime
    place: str = ""
    fixed: bool = False


@dataclass(frozen=True)
class EntryVerdict:
    """booking: of whom is spoken. until: when a walk-in has to be gone; None: nobody follows."""

    entry: PlaceEntry
    booking: str = ""
    until: datetime | None = None


def judge_entry(
    policy: BookingPolicy, slots: Sequence[Slot], driver: Holder, place: str, now: datetime
) -> EntryVerdict:
    """What is said to a driver who shows a token at a place of the pool."""
    open_slots = sorted((one for one in slots if now < one.end), key=lambda one: one.start)
    running = [one for one in open_slots if one.start - policy.early_start <= now]
    here = next((one for one in running if one.place == place), None)
    own = [one for one in running if is_for(one.holder, driver)]
    if here is not None and here in own:
        return EntryVerdict(PlaceEntry.OWN_PLACE, here.booking)
    if own:
        taken = here is not None and (here.fixed or here.start <= now)
        return EntryVerdict(PlaceEntry.BOOKED if taken else PlaceEntry.MOVE_HERE, own[0].booking)
    if here is not None:
        later = any(is_for(one.holder, driver) for one in open_slots)
        return EntryVerdict(PlaceEntry.TOO_EARLY if later else PlaceEntry.BOOKED, here.booking)
    nexts = [one.start - policy.buffer for one in open_slots if one.place == place]
    return EntryVerdict(PlaceEntry.WALK_IN, until=min(nexts, default=None))


def is_for(holder: Holder, driver: Holder) -> bool:
    """Whether a driver may use the booking of a holder: by the token, or by the account."""
    if holder.token:
        return holder.token == driver.token or _same_account(holder, driver)
    return _same_account(holder, driver)


def _same_account(holder: Holder, driver: Holder) -> bool:
    return bool(holder.account) and holder.account == driver.account


def ladder_due(
    policy: BookingPolicy, should_end: datetime, done: int, now: datetime
) -> tuple[LadderStep, ...]:
    """The steps of the ladder that are due and not done yet, in their order.

    should_end: when the session should have been over. done: how many steps were done.
    """
    late = now - should_end - policy.late_stop
    return tuple(one for one in policy.overstay[done:] if late >= one.after)


def next_step_time(policy: BookingPolicy, should_end: datetime, done: int) -> datetime | None:
    """When the next step of the ladder is due; None: there is none."""
    rest = policy.overstay[done : done + 1]
    return should_end + policy.late_stop + rest[0].after if rest else None


def no_show_time(policy: BookingPolicy, start: datetime, end: datetime) -> datetime:
    """Until when the place is kept for a driver who does not come."""
    return min(start + max(policy.grace, timedelta(0)), end)
