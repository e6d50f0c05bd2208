"""Who may charge where, while places are booked, and what is done about who should not. Pure.

A driver who plugs in at another EVSE of the right pool has a booking all the same: it is moved to
that EVSE, when that promises nobody else's place away; else the token is refused there. A driver
without a booking may use a place until the next booking of it may begin. In a slot that is booked
for another driver a token is refused. The word of the refusal is the station's dialect's business.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.bookings.booking import Booking
from domain.bookings.policies.policy import BookingPolicy, LadderAct, LadderStep, Occasion
from domain.bookings.policies.rules import Charge, charges
from domain.bookings.states import EVSE_CHOSEN, IN_USE, BookingState


class PlaceEntry(StrEnum):
    """What is said to a token at an EVSE of a pool.

    OWN_PLACE: it has this place now. MOVE_HERE: it has another place of the pool now, and gets this
    one. WALK_IN: nobody has the place now. BOOKED: another driver has it now. TOO_EARLY: the same,
    and its own booking begins later. ELSEWHERE: its place is another one of the pool, and this one
    is promised to somebody else.
    """

    OWN_PLACE = "OWN_PLACE"
    MOVE_HERE = "MOVE_HERE"
    WALK_IN = "WALK_IN"
    BOOKED = "BOOKED"
    TOO_EARLY = "TOO_EARLY"
    ELSEWHERE = "ELSEWHERE"


MAY_CHARGE = frozenset({PlaceEntry.OWN_PLACE, PlaceEntry.MOVE_HERE, PlaceEntry.WALK_IN})
"""The entries with which a session may begin."""


@dataclass(frozen=True)
class Slot:
    """A booking as its station sees it.

    tokens: digests of the driver's token and of the group's. opens: from when its driver may plug
    in, and nobody else, once the place is chosen. place: where the plan has it. chosen: the plan
    does not move it any longer. in_use: its driver is there.
    """

    booking: str
    tokens: frozenset[str]
    opens: datetime
    start: datetime
    end: datetime
    place: str = ""
    chosen: bool = False
    in_use: bool = False

    def runs(self, now: datetime) -> bool:
        """Whether its driver may charge now."""
        return self.opens <= now < self.end


@dataclass(frozen=True)
class EntryVerdict:
    """booking: of whom is spoken. until: when a walk-in has to be gone; None: nobody follows."""

    entry: PlaceEntry
    booking: str = ""
    until: datetime | None = None

    @property
    def may_charge(self) -> bool:
        """Whether a session may begin."""
        return self.entry in MAY_CHARGE


def slot_of(booking: Booking, policy: BookingPolicy) -> Slot:
    """A booking as its station sees it. policy: the revision by which it was made.

    What a station holds is for its driver from then on, be it before `early_start`.
    """
    held = booking.state is BookingState.HELD or booking.state in IN_USE
    early = max(policy.early_start, policy.hold_lead) if held else policy.early_start
    return Slot(
        booking.name,
        booking.digests,
        booking.start_time - early,
        booking.start_time,
        booking.end_time,
        booking.place,
        chosen=booking.state in EVSE_CHOSEN,
        in_use=booking.state in IN_USE,
    )


def judge_entry(
    slots: Sequence[Slot],
    digests: AbstractSet[str],
    place: str,
    now: datetime,
    buffer: timedelta = timedelta(0),
) -> EntryVerdict:
    """What is said to a driver who shows a token at a place of the pool.

    digests: of the token, and of its group. Who charges already has no second place by the same
    booking. A place is given to the driver of another one only when nobody is promised it before
    the end of the booking and the pause after it, be it that the plan could still change that.
    """
    left = sorted((one for one in slots if now < one.end), key=lambda one: one.start)
    own = [one for one in left if one.runs(now) and one.tokens & digests]
    here = next((one for one in left if one.chosen and one.place == place and one.runs(now)), None)
    mine = next((one for one in own if one.place == place), None)
    if mine is not None and here in {None, mine}:
        return EntryVerdict(PlaceEntry.OWN_PLACE, mine.booking)
    waiting = next((one for one in own if not one.in_use), None)
    if waiting is not None:
        until = waiting.end + buffer
        taken = any(_wants(one, place, until) for one in left if one is not waiting)
        return EntryVerdict(
            PlaceEntry.ELSEWHERE if taken else PlaceEntry.MOVE_HERE, waiting.booking
        )
    if here is not None:
        later = any(one.tokens & digests for one in left if not one.in_use)
        return EntryVerdict(PlaceEntry.TOO_EARLY if later else PlaceEntry.BOOKED, here.booking)
    nexts = [one.start - buffer for one in left if one.place == place]
    return EntryVerdict(PlaceEntry.WALK_IN, until=min(nexts, default=None))


def best_entry(said: Sequence[EntryVerdict]) -> EntryVerdict:
    """What is said to a token of which nobody knows at which of these places it will be used.

    It is refused only when it is refused at each of them.
    """
    return next((one for one in said if one.may_charge), said[0])


def _wants(slot: Slot, place: str, until: datetime) -> bool:
    return slot.place == place and slot.start < until


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


def owed_until(stop_time: datetime, booking: Booking, policy: BookingPolicy) -> tuple[Charge, ...]:
    """The charges without those of steps that fell due after the session had ended already.

    Its station may have been offline, and tells the end late.
    """
    stayed = ladder_due(policy, booking.end_time, 0, stop_time)
    each = charges(policy, booking.request, Occasion.OVERSTAY)
    left = len(each) * times_charged(stayed)
    kept = []
    for one in booking.charges:
        if one.occasion is Occasion.OVERSTAY:
            left -= 1
        if one.occasion is not Occasion.OVERSTAY or left >= 0:
            kept.append(one)
    return tuple(kept)


def times_charged(steps: Sequence[LadderStep]) -> int:
    """How often these steps charge."""
    return sum(step.act is LadderAct.CHARGE for step in steps)


def no_show_time(policy: BookingPolicy, booking: Booking) -> datetime:
    """Until when the place is kept for a driver who does not come, or came and has not plugged in.

    Who checked in late has the whole grace from then on.
    """
    came = max(booking.start_time, booking.check_in_time or booking.start_time)
    return min(came + policy.grace, booking.end_time)


class Kinship(StrEnum):
    """Why the session of one booking may be the use of the next one.

    DRIVER: it is the same driver. PARTY: another token of the same group or account, so that it may
    be a colleague who waits for the place.
    """

    DRIVER = "DRIVER"
    PARTY = "PARTY"


def kinship(before: Booking, after: Booking, shown: AbstractSet[str]) -> Kinship | None:
    """How the driver of a booking belongs to the next one; None: he is a stranger to it.

    shown: digests of the session's token and of its group.
    """
    mine = after.id_token.digest
    if before.id_token.digest == mine or mine in shown:
        return Kinship.DRIVER
    groups = bool((before.digests | shown) & after.digests)
    accounts = bool(after.account) and before.account == after.account
    return Kinship.PARTY if groups or accounts else None


def longest_pause(policy: BookingPolicy) -> timedelta:
    """How far two bookings of a driver may be apart for his session to go on.

    Nobody else can have the place meanwhile, or he might stay for so long anyway.
    """
    return max(policy.buffer, policy.late_stop)


class CheckInVerdict(StrEnum):
    """Whether a driver may check in, or the first reason why not."""

    FITS = "FITS"
    ENDED = "ENDED"
    NOT_CONFIRMED = "NOT_CONFIRMED"
    TOO_EARLY = "TOO_EARLY"


def judge_check_in(booking: Booking, policy: BookingPolicy, now: datetime) -> CheckInVerdict:
    """Whether the driver of a booking may check in now: when its EVSE is chosen, or should be."""
    if booking.ended:
        return CheckInVerdict.ENDED
    if booking.state is BookingState.PENDING:
        return CheckInVerdict.NOT_CONFIRMED
    opens = booking.start_time - max(policy.bind_lead, policy.early_start)
    early = booking.state is BookingState.CONFIRMED and now < opens
    return CheckInVerdict.TOO_EARLY if early else CheckInVerdict.FITS
