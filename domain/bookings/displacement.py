"""Whose booking gives way first when a pool has fewer places than it has promised. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from domain.bookings.policies.policy import BookingPolicy, DisplaceFirst, PlaceShare
from domain.bookings.policies.requests import BookingRequest


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
        return (*(_weight(policy, each, one.ask) for each in criteria), one.booking)

    return sorted(bookings, key=order)


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
