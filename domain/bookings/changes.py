"""What may be changed of a booking, and what a change makes of it. Pure.

A booking whose EVSE is not chosen yet may be changed as a whole: it is asked for anew, as if at the
moment of the change, by the rules of its own revision. Once its EVSE is chosen only its end may be
changed, on this EVSE: the station may hold it already, and its driver may be there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from enum import StrEnum

from domain.bookings.admission import BookablePool
from domain.bookings.booking import Booking
from domain.bookings.places import Needs
from domain.bookings.policies.local_time import first_day
from domain.bookings.policies.policy import BookingPolicy, Occasion, Quota, QuotaUnit
from domain.bookings.policies.rules import Charge, RuleVerdict
from domain.bookings.states import EVSE_CHOSEN, BookingState


@dataclass(frozen=True)
class BookingWish:
    """What is to be another one. None: as it is. labels: an empty value takes a label away."""

    start_time: datetime | None = None
    end_time: datetime | None = None
    needs: Needs | None = None
    labels: Mapping[str, str] | None = None


class ChangeBar(StrEnum):
    """Why a booking cannot be changed so.

    ENDED: it is over. OVERSTAYED: its driver should be gone. CHOSEN: only its end can be changed.
    OFFER: it is an offer of the waiting list, for what its entry waits for.
    """

    ENDED = "ENDED"
    OVERSTAYED = "OVERSTAYED"
    CHOSEN = "CHOSEN"
    OFFER = "OFFER"


def wished(booking: Booking, wish: BookingWish) -> Booking:
    """The booking as it is wished."""
    labels = {**booking.labels, **(wish.labels or {})}
    return replace(
        booking,
        start_time=wish.start_time or booking.start_time,
        end_time=wish.end_time or booking.end_time,
        needs=booking.needs if wish.needs is None else wish.needs,
        labels={name: value for name, value in labels.items() if value},
    )


def asks_anew(before: Booking, after: Booking) -> bool:
    """Whether a change wants another place or time, and not only other labels."""
    return _place_asked(before) != _place_asked(after)


def change_bar(before: Booking, after: Booking) -> ChangeBar | None:
    """Why a booking cannot become what is wished, as it stands; None: it may, by its state."""
    if before.ended:
        return ChangeBar.ENDED
    if not asks_anew(before, after):
        return None
    if before.state is BookingState.PENDING and before.waitlist_entry:
        return ChangeBar.OFFER
    if before.state is BookingState.OVERSTAYED:
        return ChangeBar.OVERSTAYED
    if before.state in EVSE_CHOSEN and asks_anew(before, replace(after, end_time=before.end_time)):
        return ChangeBar.CHOSEN
    return None


def by_own_terms(venue: BookablePool, own: BookingPolicy) -> BookablePool:
    """The pool as it is, with the rules by which a booking was made.

    The pause between two bookings is that of today: it concerns the others too.
    """
    return replace(venue, policy=replace(own, buffer=venue.policy.buffer))


def asked_now(booking: Booking, now: datetime) -> Booking:
    """The booking as if it were asked for now: notice and horizon count from the change."""
    return replace(booking, create_time=now)


def recharged(booking: Booking, verdicts: Iterable[RuleVerdict]) -> Booking:
    """The booking with what it costs now. What was charged on other occasions stays."""
    kept = [each for each in booking.charges if each.occasion not in _WHEN_TAKEN]
    due = [charge for verdict in verdicts for charge in verdict.charges]
    return replace(booking, charges=(*kept, *due))


def as_it_counted(
    verdicts: Iterable[RuleVerdict],
    before: Booking,
    after: Booking,
    policy: BookingPolicy,
    zone: tzinfo,
) -> tuple[RuleVerdict, ...]:
    """The verdicts on a change, where nothing is beyond a quota now that was within it.

    A booking that is no more than it was, in the same period, was counted before those that were
    made after it. Else a small change of the first one would be charged as if it were the last.
    """
    stays = {
        rule.id
        for rule in policy.rules
        if isinstance(rule.term, Quota) and _counts_no_more(rule.term, before, after, zone)
    }
    return tuple(
        replace(each, charges=_beyond(before, each.rule))
        if each.charges and each.rule in stays
        else each
        for each in verdicts
    )


def _counts_no_more(quota: Quota, before: Booking, after: Booking, zone: tzinfo) -> bool:
    then, now = (first_day(each.start_time, quota.period, zone) for each in (before, after))
    longer = after.request.length > before.request.length
    return then == now and not (quota.unit is QuotaUnit.HOURS and longer)


def _beyond(booking: Booking, rule: str) -> tuple[Charge, ...]:
    return tuple(
        each
        for each in booking.charges
        if each.rule == rule and each.occasion is Occasion.BEYOND_QUOTA
    )


def said_of(before: Booking, after: Booking) -> str:
    """What was changed, in words."""
    parts = []
    if (before.start_time, before.end_time) != (after.start_time, after.end_time):
        parts.append(
            f"from {after.start_time:%Y-%m-%d %H:%M} to {after.end_time:%Y-%m-%d %H:%M} UTC"
        )
    if before.needs != after.needs:
        parts.append(f"for {after.needs}")
    if before.labels != after.labels:
        parts.append("other labels")
    return ", ".join(parts) or "nothing"


_WHEN_TAKEN = frozenset({Occasion.BOOK, Occasion.BEYOND_QUOTA})


def _place_asked(booking: Booking) -> tuple[datetime, datetime, Needs]:
    return booking.start_time, booking.end_time, booking.needs
