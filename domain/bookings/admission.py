"""Whether a booking is taken: the rules, the places left to walk-ins, and the plan. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta, tzinfo
from itertools import pairwise

from domain.bookings.blocking.known_now import (
    NOTHING_KNOWN,
    KnownNow,
    NotUsableNow,
    not_usable_now,
)
from domain.bookings.booking import Booking
from domain.bookings.places import serves
from domain.bookings.plan import Ask, Booked, NoPlanFound, Plan, Planned, PoolFull
from domain.bookings.planning.admission import admit
from domain.bookings.planning.nearest import FreeSpan, free_spans
from domain.bookings.policies.local_time import Period, first_day, moment
from domain.bookings.policies.policy import BookingPolicy, Per, Quota
from domain.bookings.policies.requests import (
    BookingRequest,
    Holder,
    RequestsByStart,
    RequestSurroundings,
    busiest,
)
from domain.bookings.policies.rules import HolderRules, RuleVerdict, allowed, judge
from domain.bookings.policies.wording import clock, count
from domain.bookings.pool import Pool
from domain.bookings.spans import Span
from domain.bookings.standing import Neighbour, standing_of
from domain.bookings.states import EVSE_CHOSEN, BookingState

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


Room = Planned | PoolFull | NoPlanFound | WalkInsFull | NotUsableNow


@dataclass(frozen=True)
class BookingDecision:
    """What the rules say, and whether there is room; None when a rule refuses."""

    verdicts: tuple[RuleVerdict, ...]
    room: Room | None

    @property
    def refusing(self) -> RuleVerdict | None:
        """The first rule that refuses."""
        return next((each for each in self.verdicts if not each.allowed), None)


def decide(
    venue: BookablePool,
    new: Booking,
    others: Sequence[Neighbour],
    was: Neighbour | None = None,
    known: KnownNow = NOTHING_KNOWN,
) -> BookingDecision:
    """Whether a booking is taken beside the others.

    others: the live ones of `span_planned`, and those that are `counted`, ended or not. was: as it
    stands, where it is to be changed. known: of the EVSEs now.
    """
    verdicts = judge(venue.policy, new.request, _around(venue, others))
    if not allowed(verdicts):
        return BookingDecision(verdicts, None)
    live = [each for each in others if not each.ended]
    full = _walk_ins(venue.pool, new.request, RequestsByStart(each.request for each in live))
    if full is not None:
        return BookingDecision(verdicts, full)
    standing = [*live, *([was] if was else [])]
    room = room_for(venue, new, standing)
    now = _room_now(venue, new, standing, known) if isinstance(room, Planned) else None
    return BookingDecision(verdicts, now or room)


def _room_now(
    venue: BookablePool, new: Booking, live: Sequence[Neighbour], known: KnownNow
) -> Planned | NotUsableNow | None:
    """The room on EVSEs that can be used now; None: what is known now does not count for it."""
    others = known.besides(new.id_token.digest)
    if not others.counting(new.start_time, venue.policy).hindered or new.state in EVSE_CHOSEN:
        return None
    if not _some_left(venue, new, others, new.start_time):
        return _refused_now(venue, new, others)
    shut, standing = _without_hindered(venue, live, others, new.name)
    room = room_for(shut, new, standing)
    if not isinstance(room, Planned):
        return _refused_now(venue, new, others)
    told = {each.name: each.place for each in live if each.state in EVSE_CHOSEN}
    places = {name: told.get(name, place) for name, place in room.plan.places.items()}
    return Planned(Plan(places), room.moved)


def _without_hindered(
    venue: BookablePool, live: Sequence[Neighbour], known: KnownNow, besides: str = ""
) -> tuple[BookablePool, list[Neighbour]]:
    """The pool without the EVSEs that cannot be used now, and where its bookings have to go then.

    Who stands on one of them gets another one before anybody else does: it was promised to him
    before. Where there is none he stays, and takes no place from anybody.
    """
    shut = replace(venue, pool=known.closing(venue.pool, venue.policy))
    met = [one for one in live if one.name != besides and known.meets(one, venue.policy)]
    standing: dict[str, Neighbour] = {one.name: one for one in live}
    standing |= {one.name: standing_of(one)._replace(state=BookingState.BOUND) for one in met}
    for one in sorted(filter(known.takes, met), key=lambda one: (one.start_time, one.name)):
        free = standing_of(one)._replace(state=BookingState.CONFIRMED, place="")
        room = room_for(shut, free, [each for each in standing.values() if each.name != one.name])
        if isinstance(room, Planned):
            standing[one.name] = free
            for name, place in room.plan.places.items():
                standing[name] = standing_of(standing[name])._replace(place=place)
    return shut, list(standing.values())


def _some_left(venue: BookablePool, new: Booking, known: KnownNow, start: datetime) -> bool:
    """Whether an EVSE that would serve can be used at all: cheap, where a whole site has failed."""
    return not _serving(venue, new) <= known.counting(start, venue.policy).hindered.keys()


def _refused_now(venue: BookablePool, new: Booking, known: KnownNow) -> NotUsableNow:
    return not_usable_now(known, venue.policy, _serving(venue, new))


def _serving(venue: BookablePool, new: Booking) -> set[str]:
    """The places that have what a booking needs."""
    places = venue.pool.capacity(venue.policy.buffer).places
    return {each.id for each in places if serves(each, new.needs)}


def room_for(
    venue: BookablePool, new: Neighbour, live: Sequence[Neighbour]
) -> Planned | PoolFull | NoPlanFound:
    """Whether there is a place for a booking beside these ones.

    live: as it stands it may be one of them. Then it needs no longer pauses than it has.
    """
    span = Span(new.start_time - WINDOW, new.end_time + WINDOW)
    there = booked(venue, live, span)
    own = next((ask for ask in there.asks if ask.id == new.name), None)
    kept = own.pause if own is not None and own.span.end == new.end_time else None
    promised = new.pause if new.pause > venue.policy.buffer else None
    return admit(there, _ask(new, span, promised if kept is None else kept))


def booked(venue: BookablePool, live: Sequence[Neighbour], inside: Span) -> Booked:
    """The pool with its bookings of a span. Those that reach out of it stay where they are."""
    buffer = venue.policy.buffer
    first, last = inside.start - buffer, inside.end + buffer
    near = [each for each in live if each.start_time < last and each.end_time > first]
    pauses = standing_pauses(near, buffer)
    return Booked(
        venue.pool.capacity(buffer),
        tuple(_ask(each, inside, pauses.get(each.name)) for each in near),
        Plan({each.name: each.place for each in near}),
    )


def standing_pauses(live: Sequence[Neighbour], buffer: timedelta) -> dict[str, timedelta]:
    """The pauses after bookings, by name, that are not the pool's.

    A booking keeps the pause that it was promised when the pool's was longer. And where the next
    one on its place begins sooner, that was promised when the pool's was shorter: nobody loses a
    booking by a longer one.
    """
    own = {one.name: one.pause for one in live if one.pause > buffer}
    if not buffer and not own:
        return {}
    in_order = sorted(live, key=lambda one: (one.place, one.start_time))
    return own | {
        one.name: after.start_time - one.end_time
        for one, after in pairwise(in_order)
        if one.place == after.place
        and one.place
        and one.end_time <= after.start_time < one.end_time + max(buffer, one.pause)
    }


@dataclass(frozen=True)
class Chance:
    """Whether a booking of a span would be taken. free: places that are free all the time.

    rule: the rule that refuses, if any; room: why there is none, if so.
    """

    span: Span
    free: int
    rule: RuleVerdict | None = None
    room: PoolFull | NoPlanFound | WalkInsFull | NotUsableNow | None = None

    @property
    def available(self) -> bool:
        """Whether it would be taken."""
        return self.rule is None and self.room is None


def chances(
    venue: BookablePool,
    new: Booking,
    others: Sequence[Neighbour],
    spans: Sequence[Span],
    known: KnownNow = NOTHING_KNOWN,
) -> tuple[Chance, ...]:
    """Whether a booking like `new` would be taken in each of the spans. known: of the EVSEs now."""
    live = [each for each in others if not each.ended]
    inside = Span(min(one.start for one in spans) - WINDOW, max(one.end for one in spans) + WINDOW)
    rules = HolderRules(venue.policy, new.holder, _around(venue, others))
    by_start = RequestsByStart(each.request for each in live)
    free = free_spans(booked(venue, live, inside), new.needs, spans)
    asked = new.request
    found = tuple(_chance(venue.pool, asked, rules, by_start, look) for look in free)
    besides = known.besides(new.id_token.digest)
    soon = [
        one.span
        for one in found
        if one.available and besides.counting(one.span.start, venue.policy).hindered
    ]
    if not soon:
        return found
    refused = _refused_now(venue, new, besides)
    now = {span: Chance(span, 0, room=refused) for span in soon}
    some = [span for span in soon if _some_left(venue, new, besides, span.start)]
    if some:
        shut, standing = _without_hindered(venue, live, besides)
        for look in free_spans(booked(shut, standing, inside), new.needs, some):
            now[look.span] = Chance(look.span, look.free, room=refused if look.why else None)
    return tuple(now.get(one.span, one) for one in found)


def _chance(
    pool: Pool, asked: BookingRequest, rules: HolderRules, live: RequestsByStart, look: FreeSpan
) -> Chance:
    request = BookingRequest(asked.holder, look.span.start, look.span.end, asked.made)
    full = _walk_ins(pool, request, live)
    return Chance(look.span, look.free, rules.refusing(request), full or look.why)


def span_planned(venue: BookablePool, start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """Of which span the live bookings have to be known: what may move, and what is beside that."""
    around = WINDOW + venue.policy.buffer
    return start - around, end + around


@dataclass(frozen=True)
class CountedSpan:
    """Whose bookings count for a quota, by what they are counted together, and of which span."""

    start: datetime
    end: datetime
    per: frozenset[Per]


def counted(
    venue: BookablePool, holder: Holder, first: datetime, last: datetime
) -> CountedSpan | None:
    """What counts for the quotas of bookings that start from `first` to `last`; None: nothing."""
    terms = [
        rule.term
        for rule in venue.policy.rules
        if isinstance(rule.term, Quota) and holder.belongs_to(rule.groups)
    ]
    if not terms:
        return None
    return CountedSpan(
        min(_period(first, term.period, venue.zone)[0] for term in terms),
        max(_period(last, term.period, venue.zone)[1] for term in terms),
        frozenset(term.per for term in terms),
    )


def _period(at: datetime, period: Period, zone: tzinfo) -> tuple[datetime, datetime]:
    """The period in which a moment lies; a little more where the next one begins."""
    day = first_day(at, period, zone)
    longest = {Period.DAY: 1, Period.WEEK: 7, Period.MONTH: 31}[period]
    return moment(day, time(0), zone), moment(day + timedelta(days=longest), time(0), zone)


def _ask(booking: Neighbour, inside: Span, pause: timedelta | None = None) -> Ask:
    """What the planning needs to know of a booking. One that reaches out of the span stays."""
    span = Span(booking.start_time, booking.end_time)
    reaches_out = span.start < inside.start or span.end > inside.end
    fixed = bool(booking.place) and (booking.state in EVSE_CHOSEN or reaches_out)
    return Ask(booking.name, span, booking.needs, booking.place if fixed else None, pause)


def _around(venue: BookablePool, others: Sequence[Neighbour]) -> RequestSurroundings:
    requests = tuple(each.request for each in others)
    return RequestSurroundings(venue.zone, requests, venue.pool.bookable)


def _walk_ins(pool: Pool, request: BookingRequest, live: RequestsByStart) -> WalkInsFull | None:
    if not pool.walk_in_reserve:
        return None
    near = live.overlapping(request.start, request.end)
    for at in busiest(request, near):
        if sum(each.wants(at) for each in near) >= pool.bookable:
            return WalkInsFull(at, pool.bookable)
    return None
