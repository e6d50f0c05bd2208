"""Somebody who waits for a place, with what is asked for: offers, and what becomes of them. Pure.

An offer is a PENDING booking of the pool. So it keeps its place as every booking does, and nobody
else is promised it while the offer stands. Who takes the offer has that booking.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID, uuid5

from domain.bookings.booking import Booking
from domain.bookings.carrying import ended
from domain.bookings.places import Needs
from domain.bookings.policies.policy import BookingPolicy, PlaceShare
from domain.bookings.policies.rules import RuleVerdict
from domain.bookings.spans import Span
from domain.bookings.states import BookingCause, BookingState
from domain.bookings.waitlist import WaitlistEntry, WaitState, in_order, offered, snoozed
from domain.model.specs import IdToken

MOST_WAITING = 500
"""How many may wait in one pool."""


@dataclass(frozen=True)
class Waiter:
    """An entry of the waiting list as it is now: the snapshot that its row keeps and the API shows.

    offers: how many offers were made. booking: the one of the newest offer. instead_of: the booking
    that was taken away. snoozed_by: the request ids that have put an offer off. not_before: until
    when who has put an offer off is left alone.
    """

    entry: WaitlistEntry
    tenant: str
    pool: str
    id_token: IdToken
    account: str = ""
    groups: frozenset[str] = frozenset()
    needs: Needs = field(default_factory=Needs)
    caller: str = ""
    offers: int = 0
    booking: str = ""
    instead_of: str = ""
    snoozed_by: tuple[str, ...] = ()
    not_before: datetime | None = None
    revision: int = 1

    @property
    def name(self) -> str:
        """The request id of who joined."""
        return self.entry.id

    @property
    def span(self) -> Span:
        """For when a place is wanted."""
        return Span(self.entry.start, self.entry.end)

    def may_be_asked(self, now: datetime) -> bool:
        """Whether it may be offered a place now."""
        rested = self.not_before is None or now >= self.not_before
        return self.entry.waits and rested and now < self.entry.end


def line(waiters: Iterable[Waiter]) -> list[Waiter]:
    """Those who wait, the first one first."""
    by_id = {each.name: each for each in waiters}
    return [by_id[entry.id] for entry in in_order(each.entry for each in by_id.values())]


def position(waiter: Waiter, waiters: Iterable[Waiter]) -> int:
    """The how manieth it is of those who want a part of its time; 0: it does not wait."""
    rivals = [each for each in line(waiters) if each.span.overlaps(waiter.span)]
    names = [each.name for each in rivals]
    return names.index(waiter.name) + 1 if waiter.name in names else 0


@dataclass(frozen=True)
class LineNow:
    """Who waits in a pool at a moment, or has an offer there, and by which policy."""

    waiting: Sequence[Waiter]
    policy: BookingPolicy
    now: datetime

    def position(self, waiter: Waiter) -> int:
        """The place in the line of an entry that is told now, as it is or as it was; 0: none."""
        return position(waiter, self.waiting) if waiter.entry.waits else 0

    def expected_time(self, waiter: Waiter) -> datetime | None:
        """When a place may become free by itself."""
        return expected_time(waiter, self.policy, self.now)


def wanted(waiter: Waiter, policy: str, now: datetime) -> Booking:
    """The booking that it waits for, as the rules and the plan see it.

    One whose time has begun is judged as if it were made at its start.
    """
    entry = waiter.entry
    return Booking(
        name=str(uuid5(UUID(waiter.name), f"{waiter.tenant}/offer/{waiter.offers}")),
        tenant=waiter.tenant,
        pool=waiter.pool,
        id_token=waiter.id_token,
        start_time=entry.start,
        end_time=entry.end,
        state=BookingState.PENDING,
        create_time=min(now, entry.start),
        policy=policy,
        policy_revision=0,
        account=waiter.account,
        groups=waiter.groups,
        needs=waiter.needs,
        caller=waiter.caller,
        waitlist_entry=waiter.name,
    )


def offer(
    waiter: Waiter, new: Booking, policy: BookingPolicy, now: datetime
) -> tuple[Waiter, Booking]:
    """The entry with its offer, and the booking that keeps the place until it is taken."""
    entry = offered(waiter.entry, policy.waitlist, now)
    kept = replace(
        new,
        start_time=max(new.start_time, now),
        create_time=now,
        confirm_by=entry.offer_expires,
        progress="Offered to who waited for it.",
    )
    made = replace(
        waiter, entry=entry, offers=waiter.offers + 1, booking=kept.name, not_before=None
    )
    return made, kept


def taken(booking: Booking, now: datetime) -> Booking:
    """The booking of an offer that is taken. Its time to come begins when it is taken."""
    start = min(max(booking.start_time, now), booking.end_time)
    return replace(booking, state=BookingState.CONFIRMED, start_time=start, progress="")


def not_taken(booking: Booking, cause: BookingCause, now: datetime) -> Booking:
    """The booking of an offer that was not taken: nothing is charged for it."""
    return replace(ended(booking, cause, now), charges=())


def put_off(waiter: Waiter, request_id: str, policy: BookingPolicy, now: datetime) -> Waiter | None:
    """The entry after "not now", which is asked again later. None: there is no offer, or no snooze.

    It is left alone for as long as an offer lasts.
    """
    entry = snoozed(waiter.entry, now)
    if entry is None:
        return None
    return replace(
        waiter,
        entry=entry,
        booking="",
        snoozed_by=(*waiter.snoozed_by, request_id),
        not_before=now + policy.waitlist.offer_lasts,
    )


_FOLLOWS = {
    BookingState.PENDING: WaitState.OFFERED,
    BookingState.CANCELLED: WaitState.LEFT,
    BookingState.EXPIRED: WaitState.LAPSED,
    BookingState.DISPLACED: WaitState.WAITING,
    BookingState.REJECTED: WaitState.WAITING,
}
"""What a waiting one is when the booking of its offer is that; ACCEPTED in all other states."""


def follows(state: BookingState) -> WaitState:
    """What who has an offer is when the booking of the offer has this state."""
    return _FOLLOWS.get(state, WaitState.ACCEPTED)


def followed(waiter: Waiter, booking: Booking) -> Waiter:
    """The entry after its offer's booking was changed. Who lost an offered place waits again."""
    if waiter.entry.state is not WaitState.OFFERED or waiter.booking != booking.name:
        return waiter
    state = follows(booking.state)
    if state is WaitState.OFFERED:
        return waiter
    entry = replace(waiter.entry, state=state, offer_expires=None)
    keeps = state is WaitState.ACCEPTED
    return replace(waiter, entry=entry, booking=waiter.booking if keeps else "")


def ended_as(waiter: Waiter, state: WaitState) -> Waiter:
    """The entry at its end."""
    return replace(waiter, entry=replace(waiter.entry, state=state, offer_expires=None), booking="")


def due_time(waiter: Waiter, policy: BookingPolicy, now: datetime) -> datetime | None:
    """When something has to be done about it next though nothing happens; None: never."""
    entry = waiter.entry
    if entry.state is WaitState.OFFERED:
        return entry.offer_expires
    if not entry.waits:
        return None
    moments = [entry.end, *_releases(entry, policy)]
    if waiter.not_before is not None:
        moments.append(waiter.not_before)
    return min((each for each in moments if each > now), default=entry.end)


def expected_time(waiter: Waiter, policy: BookingPolicy, now: datetime) -> datetime | None:
    """When a place may become free by itself: a share is given to all. None: nobody knows."""
    if not waiter.entry.waits:
        return None
    return min((each for each in _releases(waiter.entry, policy) if each > now), default=None)


def stands_against(verdicts: Sequence[RuleVerdict], policy: BookingPolicy) -> RuleVerdict | None:
    """The first rule by which one waits in vain. A share that is kept is given to all later."""
    passing = {rule.id for rule in policy.rules if isinstance(rule.term, PlaceShare)}
    return next((each for each in verdicts if not each.allowed and each.rule not in passing), None)


def _releases(entry: WaitlistEntry, policy: BookingPolicy) -> list[datetime]:
    return [
        entry.start - rule.term.release_before
        for rule in policy.rules
        if isinstance(rule.term, PlaceShare)
    ]
