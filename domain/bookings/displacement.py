"""Whose booking gives way first when a pool has fewer places than it has promised. Pure.

Who is there already stays, and so does who was told an EVSE: a closure does not send them away.
Places that are left to walk-ins are no reason to take a booking away.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from domain.bookings.admission import BookablePool, standing_pauses
from domain.bookings.booking import Booking
from domain.bookings.plan import Ask, Booked, Plan
from domain.bookings.planning.replan import replan
from domain.bookings.policies.policy import BookingPolicy, DisplaceFirst, PlaceShare
from domain.bookings.policies.requests import BookingRequest
from domain.bookings.spans import Span
from domain.bookings.states import EVSE_CHOSEN


@dataclass(frozen=True)
class Promised:
    """A booking that may have to give way."""

    booking: str
    ask: BookingRequest


def giving_way(policy: BookingPolicy, bookings: Iterable[Promised]) -> list[Promised]:
    """Bookings in the order in which they give way, the first one first.

    The operator's criteria decide one after the other; what they leave equal is decided by who
    booked last, and then by the name, so that the order is always the same.
    """
    criteria = (*policy.displace_first, DisplaceFirst.LATEST_MADE)

    def order(one: Promised) -> tuple[float | str, ...]:
        return (*_weights(policy, criteria, one.ask), one.booking)

    return sorted(bookings, key=order)


@dataclass(frozen=True)
class PlannedAnew:
    """places: where the plan has each booking that was moved. displaced: for whom there is none."""

    places: Mapping[str, str]
    displaced: tuple[str, ...]


def plan_anew(venue: BookablePool, live: Sequence[Booking]) -> PlannedAnew:
    """A plan for as many as can be in a pool that has changed; the policy says who gives way.

    Where its criteria make no difference as few as possible give way.
    """
    members = {member.place for member in venue.pool.members}
    there = [each for each in live if each.state not in EVSE_CHOSEN or each.place in members]
    ranks = _ranks(venue.policy, there)
    pauses = standing_pauses(there, venue.policy.buffer)
    asks = tuple(replace(_ask(each), pause=pauses.get(each.name)) for each in there)
    standing = Plan({each.name: each.place for each in there})
    booked = Booked(venue.pool.capacity(venue.policy.buffer), asks, standing)
    done = replan(booked, lambda ask: ranks[ask.id])
    gone = set(done.displaced)
    moved = {name: done.plan.places[name] for name in done.moved if name not in gone}
    return PlannedAnew(moved, done.displaced)


def _ask(booking: Booking) -> Ask:
    fixed = booking.place if booking.state in EVSE_CHOSEN else None
    return Ask(booking.name, Span(booking.start_time, booking.end_time), booking.needs, fixed)


def _ranks(policy: BookingPolicy, bookings: Iterable[Booking]) -> dict[str, int]:
    """The higher, the sooner it gives way; those that are equal to the operator have one rank."""
    weights = {
        each.name: _weights(policy, policy.displace_first, each.request) for each in bookings
    }
    order = sorted(set(weights.values()), reverse=True)
    return {name: order.index(weight) for name, weight in weights.items()}


def _weights(
    policy: BookingPolicy, criteria: Iterable[DisplaceFirst], ask: BookingRequest
) -> tuple[float, ...]:
    return tuple(_weight(policy, each, ask) for each in criteria)


def _weight(policy: BookingPolicy, criterion: DisplaceFirst, ask: BookingRequest) -> float:
    """The smaller, the sooner it gives way."""
    return {
        DisplaceFirst.GUESTS: float(_has_share(policy, ask)),
        DisplaceFirst.LATEST_MADE: -ask.made.timestamp(),
        DisplaceFirst.LATEST_START: -ask.start.timestamp(),
        DisplaceFirst.SHORTEST: ask.length.total_seconds(),
    }[criterion]


def _has_share(policy: BookingPolicy, ask: BookingRequest) -> bool:
    return any(
        isinstance(rule.term, PlaceShare) and ask.holder.belongs_to(rule.groups)
        for rule in policy.rules
    )
