"""What a policy means, as sentences for who wrote it and for who is bound by it. Pure."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from domain.bookings.policies.policy import (
    EVERYBODY,
    Ahead,
    BookingPolicy,
    Concurrent,
    Cutoff,
    Daily,
    DisplaceFirst,
    Grid,
    LadderAct,
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
from domain.bookings.policies.wording import count, listed, span

_ACTS = {
    LadderAct.TELL: "its driver is told",
    LadderAct.CHARGE: "it is charged",
    LadderAct.STOP: "it is stopped",
}
_FIRST = {
    DisplaceFirst.GUESTS: "guests",
    DisplaceFirst.LATEST_MADE: "the booking that was made last",
    DisplaceFirst.LATEST_START: "the booking that starts last",
    DisplaceFirst.SHORTEST: "the shortest booking",
}
_OCCASIONS = {
    Occasion.BOOK: "A booking",
    Occasion.BEYOND_QUOTA: "A booking beyond the quota",
    Occasion.NO_SHOW: "A booking that nobody came for",
    Occasion.LATE_CANCEL: "A late cancellation",
    Occasion.OVERSTAY: "A session that runs too long",
}


def sentences(policy: BookingPolicy) -> tuple[str, ...]:
    """The whole policy: first what a booking goes through, then each rule with its id."""
    return (*_terms(policy), *(rule_sentence(rule) for rule in policy.rules))


def rule_sentence(rule: Rule) -> str:
    """What one rule means: "half-days (staff): It is booked by ..."."""
    groups = "" if EVERYBODY in rule.groups else f" ({listed(sorted(rule.groups))})"
    return f"{rule.id}{groups}: {_SAYS[type(rule.term)](rule.term)}"


def _terms(policy: BookingPolicy) -> tuple[str, ...]:
    said = [
        f"An EVSE is chosen {span(policy.bind_lead)} before the start and held at its station "
        f"{span(policy.hold_lead)} before it.",
        f"It is kept for {span(policy.grace)} after the start; then the booking is a no-show.",
    ]
    if policy.early_start:
        said.append(f"Its driver may plug in {span(policy.early_start)} before the start.")
    if policy.late_stop:
        said.append(f"A session may go on for {span(policy.late_stop)} after the end.")
    if policy.buffer:
        said.append(f"Between two bookings of an EVSE there are {span(policy.buffer)}.")
    steps = [f"{_when(each.after)} {_ACTS[each.act]}" for each in policy.overstay]
    if steps:
        said.append(f"A session that runs too long: {', '.join(steps)}.")
    order = ", then ".join(_FIRST[each] for each in policy.displace_first)
    said.append(f"When places are missing, these give way first: {order}.")
    lasts, snoozes = span(policy.waitlist.offer_lasts), count(policy.waitlist.snoozes, "time")
    said.append(f"Who waits has {lasts} to take an offer, and may put it off {snoozes}.")
    return tuple(said)


def _when(after: timedelta) -> str:
    return f"after {span(after)}" if after else "at once"


def _window(term: Window) -> str:
    return f"It lies within {_part(term.hours)} on {_days(term.weekdays)}."


def _days(days: frozenset[Weekday]) -> str:
    if len(days) == len(Weekday):
        return "every day"
    return listed([day.name.title() for day in sorted(days)])


def _part(hours: Daily) -> str:
    if hours.start == hours.end:
        return (
            "the whole day"
            if not hours.start.hour and not hours.start.minute
            else (f"the 24 hours from {hours.start:%H:%M}")
        )
    night = " of the next day" if hours.overnight and (hours.end.hour or hours.end.minute) else ""
    return f"{hours.start:%H:%M} to {hours.end:%H:%M}{night}"


def _grid(term: Grid) -> str:
    if term.step is not None:
        return f"It starts and ends at multiples of {span(term.step)}."
    return f"It is booked by whole parts of one day: {listed([_part(one) for one in term.slots])}."


def _length(term: Length) -> str:
    return f"It lasts {_bounds(term.at_least, term.at_most)}."


def _ahead(term: Ahead) -> str:
    return f"It is made {_bounds(term.at_least, term.at_most)} before its start."


def _bounds(lower: timedelta | None, upper: timedelta | None) -> str:
    low = f"at least {span(lower)}" if lower is not None else ""
    high = f"at most {span(upper)}" if upper is not None else ""
    return " and ".join(each for each in (low, high) if each)


def _quota(term: Quota) -> str:
    noun = "booking" if term.unit is QuotaUnit.BOOKINGS else "hour"
    most = f"At most {count(term.at_most, noun)} in a {term.period.lower()} per {term.per.lower()}"
    return f"{most}; {_costs(term.price)} beyond it." if term.price else f"{most}."


def _costs(price: Price) -> str:
    return f"{price.quantity} × {price.unit}"


def _share(term: PlaceShare) -> str:
    kept = f"{count(term.places, 'place')} kept for it"
    if not term.release_before:
        return f"{kept}, until the start."
    return f"{kept}, and given to all {span(term.release_before)} before the start."


def _concurrent(term: Concurrent) -> str:
    return f"At most {count(term.at_most, 'booking')} at once per {term.per.lower()}."


def _cutoff(term: Cutoff) -> str:
    parts = [
        f"{what} at the latest {span(before)} before its start"
        for what, before in (("changed", term.change), ("cancelled", term.cancel))
        if before is not None
    ]
    return f"It is {listed(parts)}."


def _price(term: Price) -> str:
    return f"{_OCCASIONS[term.occasion]} costs {_costs(term)}."


_SAYS: dict[type[Term], Callable[[Any], str]] = {
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
"""The sentence of each kind of term."""
