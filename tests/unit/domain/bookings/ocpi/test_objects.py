"""OCPI's objects of a booking, of a policy and of free spans."""

from datetime import timedelta

import pytest

from domain.bookings.ocpi.objects import (
    OcpiSite,
    ReceivedRequest,
    booking_object,
    calendar_object,
    terms_object,
)
from domain.bookings.places import Needs
from domain.bookings.policies.policy import (
    EVERYBODY,
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
from domain.bookings.states import BOOKING_ENDS, BookingState
from tests.unit.domain.bookings.asking import local
from tests.unit.domain.bookings.bookings_made import booking
from tests.unit.domain.bookings.ocpi.asked_by_ocpi import message

SITE = OcpiSite("NO", "CPO", "LOC1", {"S/1": "NO*CPO*E1"})
ANNA = Holder("anna", "acme", frozenset({"A"}))
REQUIRED = {
    *("id", "country_code", "party_id", "request_id", "location_id", "period"),
    *("reservation_status", "authorization_reference", "booking_terms", "booking_requests"),
    "last_updated",
}
"""What OCPI's Booking must have."""


@pytest.mark.parametrize("state", BookingState)
def test_a_booking_of_ocpi_has_every_field_that_it_must_have(state: BookingState) -> None:
    made = booking(state=state, needs=Needs(min_power_w=22_000))
    request = ReceivedRequest(message(), local("09:00"))
    shown = booking_object(made, SITE, request, BookingPolicy(), local("13:00"))
    assert shown.keys() >= REQUIRED
    assert shown["request_id"] == message()["request_id"]
    assert shown["booking_requests"][0]["booking_request"] == message()
    assert shown["period"]["start_from"].endswith(":00:00Z")
    assert shown["period"]["min_power"] == 22_000
    chosen = state not in BOOKING_ENDS | {BookingState.PENDING, BookingState.CONFIRMED}
    assert shown["evse_uid"] == ("NO*CPO*E1" if chosen else "#NA")
    assert ("canceled" in shown) is (shown["reservation_status"] == "CANCELED")


def test_an_evse_that_ocpi_does_not_know_is_not_told() -> None:
    request = ReceivedRequest(message(), local("09:00"))
    made = booking(state=BookingState.BOUND, place="S/2")
    shown = booking_object(made, SITE, request, BookingPolicy(), local("13:00"))
    assert shown["evse_uid"] == "#NA"
    assert "min_power" not in shown["period"]


def _rule(term: object, *groups: str) -> Rule:
    return Rule("r", term, groups=frozenset(groups or {EVERYBODY}))  # type: ignore[arg-type]


def test_the_terms_are_those_for_this_holder() -> None:
    policy = BookingPolicy(
        rules=(
            _rule(Cutoff(change=timedelta(minutes=90, seconds=1), cancel=timedelta(hours=1))),
            _rule(Cutoff(cancel=timedelta(hours=2)), "A"),
            _rule(Cutoff(cancel=timedelta(hours=9)), "B"),
            _rule(Price(Occasion.NO_SHOW, 1, "fee"), "A"),
            _rule(Concurrent(Per.HOLDER, 1)),
        ),
        grace=timedelta(minutes=10, seconds=30),
        early_start=timedelta(minutes=5),
    )
    terms = terms_object(policy, ANNA)
    assert (terms["change_until_minutes"], terms["cancel_until_minutes"]) == (91, 120)
    assert (terms["noshow_timeout"], terms["noshow_fee"]) == (10, True)
    assert (terms["early_start_allowed"], terms["early_start_time"]) == (True, 5)
    assert (terms["late_stop_allowed"], terms["late_stop_time"]) == (False, 0)
    assert terms["overlapping_bookings_allowed"] is False


def test_a_policy_without_rules_allows_changes_until_the_start() -> None:
    terms = terms_object(
        BookingPolicy(
            rules=(
                _rule(Price(Occasion.BOOK, 1, "fee")),
                _rule(Concurrent(Per.ACCOUNT, 1)),
                _rule(Concurrent(Per.HOLDER, 2)),
            )
        ),
        ANNA,
    )
    assert (terms["change_until_minutes"], terms["cancel_until_minutes"]) == (0, 0)
    assert (terms["noshow_fee"], terms["overlapping_bookings_allowed"]) == (False, True)


def test_a_calendar_lists_the_free_spans_in_order() -> None:
    day = Span(local("08:00"), local("18:00"))
    free = [Span(local("12:00"), local("13:00")), Span(local("09:00"), local("10:00"))]
    shown = calendar_object("hub", day, timedelta(minutes=15), free, local("07:00"))
    starts = [each["start_from"] for each in shown["available_timeslots"]]
    assert starts == sorted(starts)
    assert (shown["step_size"], len(starts)) == (15, 2)
