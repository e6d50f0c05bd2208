"""Whether a booking is taken: the rules, the places left to walk-ins, and the plan. Pure."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta, tzinfo

from domain.bookings.booking import Booking
from domain.bookings.plan import Ask, Booked, NoPlanFound, Plan, Planned, PoolFull
from domain.bookings.planning.admission import admit
from domain.bookings.planning.nearest import FreeSpan, free_spans
from domain.bookings.policies.local_time import Period, first_day, moment
from domain.bookings.policies.policy import BookingPolicy, Per, Quota
from domain.bookings.policies.requests import BookingRequest, Holder, RequestSurroundings, busiest
from domain.bookings.policies.rules import RuleVerdict, allowed, judge
from domain.bookings.policies.wording import clock, count
from domain.bookings.pool import Pool
from domain.bookings.spans import Span
from domain.bookings.states import EVSE_CHOSEN

WINDOW = timedelta(days=1)
"""How far beside a new booking others are moved for it. What reaches further stays where it is."""


@dataclass(frozen=True)
class BookablePool:
    """A pool with the rules of its bookings, and its time zone."""

    pool: Pool
    policy: BookingPolicy
    zone: tzinfo


@dataclass(frozen=True)
class WalkInsFull:
    """At a moment all EVSEs that may be booked are. there: how many these are."""

    moment: datetime
    there: int

    def sentence(self, zone: tzinfo) -> str:
        """Why there is no room."""
        return (
            f"{clock(self.moment, zone)}: all {count(self.there, 'EVSE')} that may be booked are "
            "booked; the others are left to drivers without a booking."
        )


Room = Planned | PoolFull | NoPlanFound | WalkInsFull


@dataclass(frozen=True)
class BookingDecision:
    """What the rules say, and whether there is room; None when a rule refuses."""

    verdicts: tuple[RuleVerdict, ...]
    room: Room | None

    @property
    def refusing(self) -> RuleVerdict | None:
        """The first rule that refuses."""
        return next((each for each in self.verdicts if not each.allowed), None)


def decide(venue: BookablePool, new: Booking, others: Sequence[Booking]) -> BookingDecision:
    """Whether a booking is taken beside the others.

    others: those of `span_read`, live ones, and those that have ended and count for a quota.
    """
    requests = tuple(each.request for each in others)
    around = RequestSurroundings(venue.zone, requests, venue.pool.bookable)
    verdicts = judge(venue.policy, new.request, around)
    if not allowed(verdicts):
        return BookingDecision(verdicts, None)
    live = [each for each in others if not each.ended]
    full = _walk_ins(venue.pool, new.request, tuple(each.request for each in live))
    if full is not None:
        return BookingDecision(verdicts, full)
    return BookingDecision(verdicts, room_for(venue, new, live))


def room_for(
    venue: BookablePool, new: Booking, live: Sequence[Booking]
) -> Planned | PoolFull | NoPlanFound:
    """Whether there is a place for a booking beside these ones."""
    span = Span(new.start_time - WINDOW, new.end_time + WINDOW)
    return admit(booked(venue, live, span), _ask(new, span))


def booked(venue: BookablePool, live: Sequence[Booking], inside: Span) -> Booked:
    """The pool with its bookings. Those that reach out of the span stay where they are."""
    return Booked(
        venue.pool.capacity(venue.policy.buffer),
        tuple(_ask(each, inside) for each in live),
        Plan({each.name: each.place for each in live}),
    )


@dataclass(frozen=True)
class Chance:
    """Whether a booking of a span would be taken. free: places that are free all the time.

    rule: the rule that refuses, if any; room: why there is none, if so.
    """

    span: Span
    free: int
    rule: RuleVerdict | None = None
    room: PoolFull | NoPlanFound | WalkInsFull | None = None

    @property
    def available(self) -> bool:
        """Whether it would be taken."""
        return self.rule is None and self.room is None


def chances(
    venue: BookablePool, new: Booking, others: Sequence[Booking], spans: Sequence[Span]
) -> tuple[Chance, ...]:
    """Whether a booking like `new` would be taken in each of the spans."""
    live = [each for each in others if not each.ended]
    inside = Span(min(one.start for one in spans) - WINDOW, max(one.end for one in spans) + WINDOW)
    around = _Neighbours(new.request, others)
    free = free_spans(booked(venue, live, inside), new.needs, spans)
    return tuple(_chance(venue, around, look) for look in free)


class _Neighbours:
    """The other requests, found by the span that they overlap. A search asks for many spans."""

    def __init__(self, asked: BookingRequest, others: Sequence[Booking]) -> None:
        self.asked = asked
        self._all = sorted((each.request for each in others), key=_start_of)
        self._starts = [each.start for each in self._all]
        self._longest = max((each.length for each in self._all), default=timedelta(0))
        self._own = [each for each in self._all if _counts(each.holder, asked.holder)]

    def of(self, span: Span) -> tuple[BookingRequest, ...]:
        """Those in a part of the span, and the holder's own: these count for quotas anywhere."""
        first = bisect_left(self._starts, span.start - self._longest)
        last = bisect_left(self._starts, span.end)
        near = [each for each in self._all[first:last] if each.end > span.start]
        far = [each for each in self._own if each.start >= span.end or each.end <= span.start]
        return (*near, *far)


def _start_of(request: BookingRequest) -> datetime:
    return request.start


def _counts(holder: Holder, asked: Holder) -> bool:
    return any(holder.counts_with(asked, per) for per in Per)


def _chance(venue: BookablePool, around: _Neighbours, look: FreeSpan) -> Chance:
    request = replace(around.asked, start=look.span.start, end=look.span.end)
    others = around.of(look.span)
    verdicts = judge(
        venue.policy, request, RequestSurroundings(venue.zone, others, venue.pool.bookable)
    )
    refusing = next((each for each in verdicts if not each.allowed), None)
    full = _walk_ins(venue.pool, request, others) if venue.pool.walk_in_reserve else None
    return Chance(look.span, look.free, refusing, full or look.why)


def span_read(venue: BookablePool, start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """Of which span the others have to be known: what may be moved, and what counts for a quota."""
    first, last = start - WINDOW, end + WINDOW
    for rule in venue.policy.rules:
        if isinstance(rule.term, Quota):
            begin, until = _period(start, rule.term.period, venue.zone)
            first, last = min(first, begin), max(last, until)
    return first, last


def _period(at: datetime, period: Period, zone: tzinfo) -> tuple[datetime, datetime]:
    """The period in which a moment lies; a little more where the next one begins."""
    day = first_day(at, period, zone)
    longest = {Period.DAY: 1, Period.WEEK: 7, Period.MONTH: 31}[period]
    return moment(day, time(0), zone), moment(day + timedelta(days=longest), time(0), zone)


def _ask(booking: Booking, inside: Span) -> Ask:
    """What the planning needs to know of a booking. One that reaches out of the span stays."""
    span = Span(booking.start_time, booking.end_time)
    reaches_out = span.start < inside.start or span.end > inside.end
    fixed = bool(booking.place) and (booking.state in EVSE_CHOSEN or reaches_out)
    return Ask(booking.name, span, booking.needs, booking.place if fixed else None)


def _walk_ins(
    pool: Pool, request: BookingRequest, live: tuple[BookingRequest, ...]
) -> WalkInsFull | None:
    if not pool.walk_in_reserve:
        return None
    for at in busiest(request, live):
        if sum(each.wants(at) for each in live) >= pool.bookable:
            return WalkInsFull(at, pool.bookable)
    return None
