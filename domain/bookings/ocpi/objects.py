"""OCPI's objects of our bookings: Booking, BookingTerms and Calendar, as values for JSON.

Source: OCPI Bookings 1.1. What a pool does not know, as the shape of a parking space, is left out;
OCPI takes fields that are absent as not known.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.bookings.booking import Booking
from domain.bookings.ocpi.requests import NOT_AVAILABLE
from domain.bookings.ocpi.statuses import cancellation_of, request_status_of, status_of
from domain.bookings.policies.policy import (
    BookingPolicy,
    Concurrent,
    Cutoff,
    Occasion,
    Per,
    Price,
    Rule,
)
from domain.bookings.policies.requests import Holder
from domain.bookings.spans import Span
from domain.bookings.states import EVSE_CHOSEN

Json = dict[str, Any]

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class OcpiSite:
    """What OCPI calls a pool, and whose it is.

    evse_uids: the EVSE.uid of each place of the plan (`station/evse`).
    """

    country_code: str
    party_id: str
    location_id: str
    evse_uids: Mapping[str, str]


@dataclass(frozen=True)
class ReceivedRequest:
    """A BookingRequest that was received. message: as it came; it goes back as it came."""

    message: Json
    received: datetime


def booking_object(
    booking: Booking,
    site: OcpiSite,
    request: ReceivedRequest,
    policy: BookingPolicy,
    updated: datetime,
) -> Json:
    """OCPI's Booking. policy: the revision by which it was made. updated: when it last changed."""
    asked = request.message
    shown: Json = {
        "id": booking.name,
        "country_code": site.country_code,
        "party_id": site.party_id,
        "request_id": asked["request_id"],
        "location_id": site.location_id,
        "evse_uid": _evse_uid(booking, site),
        "booking_tokens": asked["tokens"],
        "period": _timeslot(booking.start_time, booking.end_time, booking.needs.min_power_w),
        "reservation_status": status_of(booking).value,
        "access_methods": [{"location_access": "TOKEN"}],
        "authorization_reference": asked["authorization_reference"],
        "booking_terms": terms_object(policy, booking.holder),
        "booking_requests": [
            {
                "request_status": request_status_of(booking).value,
                "booking_request": asked,
                "request_received": _time(request.received),
            }
        ],
        "last_updated": _time(updated),
    }
    cancelled = cancellation_of(booking)
    if cancelled is not None:
        shown["canceled"] = {
            "cancellation_reason": cancelled.reason.value,
            "who_canceled": cancelled.by.value,
        }
    return shown


def terms_object(policy: BookingPolicy, holder: Holder) -> Json:
    """OCPI's BookingTerms: what a policy says to this holder."""
    rules = [rule for rule in policy.rules if holder.belongs_to(rule.groups)]
    cutoffs = [rule.term for rule in rules if isinstance(rule.term, Cutoff)]
    return {
        "remote_auth_supported": True,
        "token_groups_supported": True,
        "supported_access_methods": ["TOKEN"],
        "change_until_minutes": _longest(cutoff.change for cutoff in cutoffs),
        "cancel_until_minutes": _longest(cutoff.cancel for cutoff in cutoffs),
        "early_start_allowed": policy.early_start > timedelta(0),
        "early_start_time": policy.early_start // _MINUTE,
        "noshow_timeout": policy.grace // _MINUTE,
        "noshow_fee": any(_is_fee(rule) for rule in rules),
        "late_stop_allowed": policy.late_stop > timedelta(0),
        "late_stop_time": policy.late_stop // _MINUTE,
        "overlapping_bookings_allowed": not any(_is_one_at_once(rule) for rule in rules),
    }


def calendar_object(
    id: str, span: Span, step: timedelta, free: Iterable[Span], updated: datetime
) -> Json:
    """OCPI's Calendar. step: the grid of the starts. free: spans that would be booked now."""
    return {
        "id": id,
        "begin_from": _time(span.start),
        "end_before": _time(span.end),
        "step_size": step // _MINUTE,
        "available_timeslots": [_timeslot(each.start, each.end) for each in sorted(free)],
        "last_updated": _time(updated),
    }


def _evse_uid(booking: Booking, site: OcpiSite) -> str:
    """The EVSE once it is chosen. The plan may move a booking before that, so OCPI is not told."""
    if booking.state not in EVSE_CHOSEN:
        return NOT_AVAILABLE
    return site.evse_uids.get(booking.place, NOT_AVAILABLE)


def _is_fee(rule: Rule) -> bool:
    return isinstance(rule.term, Price) and rule.term.occasion is Occasion.NO_SHOW


def _is_one_at_once(rule: Rule) -> bool:
    term = rule.term
    return isinstance(term, Concurrent) and term.per is Per.HOLDER and term.at_most == 1


def _longest(spans: Iterable[timedelta | None]) -> int:
    """The strictest of them, in minutes, a part of one as a whole one; 0: until the start."""
    return max((-(-each // _MINUTE) for each in spans if each is not None), default=0)


def _timeslot(start: datetime, end: datetime, min_power_w: int = 0) -> Json:
    slot: Json = {"start_from": _time(start), "end_before": _time(end)}
    if min_power_w:
        slot["min_power"] = min_power_w
    return slot


def _time(at: datetime) -> str:
    """OCPI's DateTime: UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
