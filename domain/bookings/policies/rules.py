"""What each rule says of an ask: allowed or not, in a sentence, and what it charges. Pure.

`judge` asks every rule that concerns the holder and leaves none out, so that a dry run shows all
that stands in the way. Each kind of term has one function, and the table `_JUDGES` is total.

A rule concerns the holders of its groups. A share is the exception: it stands in the way of all
others, because it keeps places for its own groups.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from domain.bookings.policies.local_time import day_of, days_between, first_day, moment
from domain.bookings.policies.policy import (
    Ahead,
    BookingPolicy,
    Concurrent,
    Cutoff,
    Daily,
    Grid,
    Length,
    Occasion,
    PlaceShare,
    Price,
    Quota,
    QuotaUnit,
    Rule,
    Term,
    Weekday,
    Window,
)
from domain.bookings.policies.requests import (
    BookingRequest,
    Holder,
    RequestSurroundings,
    Used,
    busiest,
)
from domain.bookings.policies.wording import clock, count, listed, span

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Charge:
    """An event that somebody bills, no money. rule: the id of the rule that says so."""

    occasion: Occasion
    quantity: int
    unit: str
    rule: str


@dataclass(frozen=True)
class RuleVerdict:
    """What one rule says. sentence: why it refuses, with the numbers; "" when it allows."""

    rule: str
    says: str
    sentence: str = ""
    charges: tuple[Charge, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether the rule allows the ask."""
        return not self.sentence


@dataclass(frozen=True)
class _Load:
    """How many places are taken from a moment on, and how many are kept by the share of each rule.

    Only shares that keep places from the ask are counted. Moments at which they cannot refuse it,
    however they are used, are left out.
    """

    moment: datetime
    taken: int
    kept: Mapping[str, int]


@dataclass(frozen=True)
class _Case:
    """What is judged, and by which rule. loads: of the whole ask; for shares."""

    policy: BookingPolicy
    rule: Rule
    ask: BookingRequest
    around: RequestSurroundings
    loads: Sequence[_Load]

    @property
    def zone(self) -> tzinfo:
        return self.around.zone


@dataclass(frozen=True)
class _Found:
    """sentence: why not; "" when nothing is in the way. price: what is charged."""

    sentence: str = ""
    price: Price | None = None


_FINE = _Found()


def judge(
    policy: BookingPolicy, ask: BookingRequest, around: RequestSurroundings
) -> tuple[RuleVerdict, ...]:
    """What each rule that concerns the holder says, in the order of the policy."""
    return HolderRules(policy, ask.holder, around).judge(ask)


class HolderRules:
    """The rules that concern one holder: a search asks them about each of hundreds of starts."""

    def __init__(self, policy: BookingPolicy, holder: Holder, around: RequestSurroundings) -> None:
        self._policy = policy
        self._around = around
        self._binding = [rule for rule in policy.rules if _concerns(rule, holder)]
        self._shares = [rule for rule in self._binding if isinstance(rule.term, PlaceShare)]

    def judge(self, ask: BookingRequest) -> tuple[RuleVerdict, ...]:
        """What each of them says, in the order of the policy."""
        return tuple(self._verdicts(ask))

    def refusing(self, ask: BookingRequest) -> RuleVerdict | None:
        """What the first one that refuses says. Those after it are not asked."""
        return next((each for each in self._verdicts(ask) if not each.allowed), None)

    def _verdicts(self, ask: BookingRequest) -> Iterator[RuleVerdict]:
        loads = _loads(self._shares, ask, self._around)
        for rule in self._binding:
            case = _Case(self._policy, rule, ask, self._around, loads)
            yield _verdict(rule, _JUDGES[type(rule.term)](rule.term, case))


def allowed(verdicts: Sequence[RuleVerdict]) -> bool:
    """Whether no rule refuses."""
    return all(each.allowed for each in verdicts)


def charges(policy: BookingPolicy, ask: BookingRequest, occasion: Occasion) -> tuple[Charge, ...]:
    """What is charged to the holder of a booking on an occasion after it was made."""
    return tuple(
        _charge(rule, rule.term)
        for rule in policy.rules
        if isinstance(rule.term, Price)
        and rule.term.occasion is occasion
        and ask.holder.belongs_to(rule.groups)
    )


def too_late_to_change(
    policy: BookingPolicy, ask: BookingRequest, now: datetime
) -> RuleVerdict | None:
    """The first rule by which a booking cannot be changed any more; None: it can."""
    return _cut_off(policy, ask, now, lambda term: term.change, "changed")


def too_late_to_cancel(
    policy: BookingPolicy, ask: BookingRequest, now: datetime
) -> RuleVerdict | None:
    """The first rule by which a booking cannot be cancelled any more; None: it can."""
    return _cut_off(policy, ask, now, lambda term: term.cancel, "cancelled")


def _cut_off(
    policy: BookingPolicy,
    ask: BookingRequest,
    now: datetime,
    before: Callable[[Cutoff], timedelta | None],
    what: str,
) -> RuleVerdict | None:
    for rule in policy.rules:
        if isinstance(rule.term, Cutoff) and ask.holder.belongs_to(rule.groups):
            limit = before(rule.term)
            if limit is not None and ask.start - now < limit:
                latest = f"A booking is {what} at the latest {span(limit)} before its start."
                return RuleVerdict(rule.id, rule.says, latest)
    return None


def _concerns(rule: Rule, holder: Holder) -> bool:
    return holder.belongs_to(rule.groups) is not isinstance(rule.term, PlaceShare)


def _verdict(rule: Rule, found: _Found) -> RuleVerdict:
    made = (_charge(rule, found.price),) if found.price else ()
    return RuleVerdict(rule.id, rule.says, found.sentence, made)


def _charge(rule: Rule, price: Price) -> Charge:
    return Charge(price.occasion, price.quantity, price.unit, rule.id)


# --- when


def _window(_term: Window, case: _Case) -> _Found:
    """All windows of the holder together have to cover the ask, and each of them says whether."""
    reached = case.ask.start
    for start, end in sorted(_openings(case)):
        if start <= reached:
            reached = max(reached, end)
    if reached >= case.ask.end:
        return _FINE
    return _Found(f"{clock(reached, case.zone)} is not in the hours of this holder.")


def _openings(case: _Case) -> list[tuple[datetime, datetime]]:
    windows = [
        rule.term
        for rule in case.policy.rules
        if isinstance(rule.term, Window) and _concerns(rule, case.ask.holder)
    ]
    return [
        _on(day, window.hours, case.zone)
        for day in days_between(case.ask.start, case.ask.end, case.zone)
        for window in windows
        if Weekday(day.weekday()) in window.weekdays
    ]


def _on(day: date, hours: Daily, zone: tzinfo) -> tuple[datetime, datetime]:
    """The moments at which a part of the day starts and ends, on this day."""
    last = day + _DAY if hours.overnight else day
    return moment(day, hours.start, zone), moment(last, hours.end, zone)


def _grid(term: Grid, case: _Case) -> _Found:
    return _slots(term.slots, case) if term.step is None else _steps(term.step, case)


def _steps(step: timedelta, case: _Case) -> _Found:
    for at in (case.ask.start, case.ask.end):
        if _since_midnight(at, case.zone) % step:
            return _Found(f"{clock(at, case.zone)} is not a multiple of {span(step)}.")
    return _FINE


def _slots(slots: tuple[Daily, ...], case: _Case) -> _Found:
    day = day_of(case.ask.start, case.zone)
    edges = [_on(day, each, case.zone) for each in slots]
    if any(case.ask.start == one[0] for one in edges) and any(
        case.ask.end == one[1] for one in edges
    ):
        return _FINE
    parts = [f"{_hm(each.start)} to {_hm(each.end)}" for each in slots]
    return _Found(f"It is booked by whole parts of one day: {listed(parts)}.")


def _since_midnight(at: datetime, zone: tzinfo) -> timedelta:
    """What the wall's clock shows, as a span."""
    shown = at.astimezone(zone)
    midnight = shown.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    return shown.replace(tzinfo=None) - midnight


def _hm(at: time) -> str:
    return at.strftime("%H:%M")


def _length(term: Length, case: _Case) -> _Found:
    length = case.ask.length
    if term.at_most is not None and length > term.at_most:
        return _Found(f"It lasts {span(length)}; the longest is {span(term.at_most)}.")
    if term.at_least is not None and length < term.at_least:
        return _Found(f"It lasts {span(length)}; the shortest is {span(term.at_least)}.")
    return _FINE


def _ahead(term: Ahead, case: _Case) -> _Found:
    notice = case.ask.start - case.ask.made
    if term.at_least is not None and notice < term.at_least:
        return _Found(f"A booking is made at the latest {span(term.at_least)} before its start.")
    if term.at_most is not None and notice > term.at_most:
        return _Found(f"A booking is made at the earliest {span(term.at_most)} before its start.")
    return _FINE


# --- how much


def _quota(term: Quota, case: _Case) -> _Found:
    first = first_day(case.ask.start, term.period, case.zone)
    used = case.around.used(case.ask.holder, term.per, term.period).get(first, Used())
    if term.unit is QuotaUnit.HOURS:
        beyond = used.length + case.ask.length > timedelta(hours=term.at_most)
        has, most = span(used.length), count(term.at_most, "hour")
    else:
        beyond = used.bookings >= term.at_most
        has, most = count(used.bookings, "booking"), str(term.at_most)
    if not beyond:
        return _FINE
    if term.price is not None:
        return _Found(price=term.price)
    period = term.period.lower()
    return _Found(f"The {term.per.lower()} has {has} in that {period}; the most is {most}.")


def _share(term: PlaceShare, case: _Case) -> _Found:
    """Whether the places that are kept for others leave one for this ask, at each moment of it."""
    places = case.around.places
    for load in case.loads:
        mine = load.kept[case.rule.id]
        if mine and load.taken + sum(load.kept.values()) >= places:
            return _Found(
                f"At {clock(load.moment, case.zone)} {load.taken} of {count(places, 'place')} are "
                f"booked, and {mine} kept for {listed(sorted(case.rule.groups))} until "
                f"{span(term.release_before)} before the start."
            )
    return _FINE


def _loads(
    shares: Sequence[Rule], ask: BookingRequest, around: RequestSurroundings
) -> Sequence[_Load]:
    """What is taken and kept at those moments of the ask at which a share may refuse it."""
    kept_at_first = [_kept(rule, ask) for rule in shares]
    most_kept = sum(kept_at_first)
    if not most_kept:
        return ()
    found = []
    for load in around.loads(tuple(rule.groups for rule in shares)).of(ask.start, ask.end):
        if load.taken + most_kept >= around.places:
            kept = {
                rule.id: max(0, most - theirs)
                for rule, most, theirs in zip(shares, kept_at_first, load.of_groups, strict=True)
            }
            found.append(_Load(load.moment, load.taken, kept))
    return found


def _kept(rule: Rule, ask: BookingRequest) -> int:
    """How many places of a share are kept from who asks now: none when it is given to all."""
    share: Any = rule.term
    released = ask.start - ask.made <= share.release_before
    return 0 if released else int(share.places)


def _concurrent(term: Concurrent, case: _Case) -> _Found:
    holder = case.ask.holder
    same = case.around.counted(holder, term.per).overlapping(case.ask.start, case.ask.end)
    for at in busiest(case.ask, same):
        there = sum(each.wants(at) for each in same)
        if there >= term.at_most:
            return _Found(
                f"At {clock(at, case.zone)} the {term.per.lower()} has "
                f"{count(there, 'booking')}; the most at once is {term.at_most}."
            )
    return _FINE


def _cutoff(_term: Cutoff, _case: _Case) -> _Found:
    """It says nothing before there is a booking."""
    return _FINE


def _price(term: Price, _case: _Case) -> _Found:
    return _Found(price=term) if term.occasion is Occasion.BOOK else _FINE


_JUDGES: dict[type[Term], Callable[[Any, _Case], _Found]] = {
    Window: _window,
    Grid: _grid,
    Length: _length,
    Ahead: _ahead,
    Quota: _quota,
    PlaceShare: _share,
    Concurrent: _concurrent,
    Cutoff: _cutoff,
    Price: _price,
}
"""The function of each kind of term."""
