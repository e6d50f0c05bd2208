"""The ladder for who charges where another driver has a booking. Pure.

The booked driver gets another EVSE of the pool where there is one; that is planning's business.
Here is what happens where there is none: the venue is told which session is in the way, and the
steps of the policy's ladder run, each once; only STOP again, while the session runs. They count
from the moment at which the EVSE has to be free, or from the beginning of a session that began
later. Who has a booking too, and stays too long, meets the ladder of that booking.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.bookings.blocking.blocked import Blocked
from domain.bookings.blocking.stops import AskedStop, asks_again, stop_again_time
from domain.bookings.booking import Booking
from domain.bookings.enforcement import ladder_due, next_step_time, times_charged
from domain.bookings.policies.policy import BookingPolicy, LadderAct, Occasion
from domain.bookings.policies.requests import Holder
from domain.bookings.policies.rules import charges

STAYS_AFTER = timedelta(minutes=1)
"""A session that was refused is ended by most stations within this time: nobody is moved for it."""


@dataclass(frozen=True)
class Blocker:
    """A session of another driver that runs at a booking's EVSE now.

    transaction: our id of it. since: since when we know of it. token: the digest of its token.
    booking: the one that its driver has; "": none. stop: the newest command that stops it.
    """

    transaction: str
    since: datetime
    token: str
    booking: str = ""
    stop: AskedStop | None = None

    def stays(self, now: datetime) -> bool:
        """Whether it does not end by itself, as one that was refused does."""
        return now >= self.since + STAYS_AFTER


@dataclass(frozen=True)
class BlockedStep:
    """The booking as it is now. stops: the session is to be stopped. next_step: when one is due."""

    booking: Booking
    stops: bool = False
    next_step: datetime | None = None


def noted(booking: Booking, blocker: Blocker | None) -> Booking:
    """The booking with who is in its way now, or without."""
    if blocker is None:
        return booking if booking.blocked is None else replace(booking, blocked=None)
    known = booking.blocked
    if known is not None and known.transaction == blocker.transaction:
        return replace(booking, blocked=replace(known, booking=blocker.booking))
    new = Blocked(blocker.transaction, blocker.since, booking.place, blocker.booking)
    return replace(booking, blocked=new)


def climbed(
    booking: Booking, policy: BookingPolicy, blocker: Blocker | None, now: datetime
) -> BlockedStep:
    """The booking after the steps of the ladder that are due about who is in its way."""
    told = noted(booking, blocker)
    if blocker is None or told.blocked is None or blocker.booking:
        return BlockedStep(told)
    free_by = max(booking.start_time - policy.buffer, blocker.since)
    due = ladder_due(policy, free_by, len(told.blocked.done), now)
    done = (*told.blocked.done, *(step.act for step in due))
    after = replace(told.blocked, done=done)
    ask = replace(booking.request, holder=Holder(blocker.token))
    owed = charges(policy, ask, Occasion.OVERSTAY) * times_charged(due)
    after = replace(after, charges=(*after.charges, *owed))
    stops = any(step.act is LadderAct.STOP for step in due)
    stops = stops or asks_again(after.stops, blocker.stop, now)
    after = replace(after, stops=after.stops + stops)
    following = next_step_time(policy, free_by, len(done))
    again = None if stops else stop_again_time(after.stops, blocker.stop)
    looks = [one for one in (following, again) if one is not None]
    return BlockedStep(replace(told, blocked=after), stops, min(looks, default=None))
