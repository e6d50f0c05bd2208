"""What may be changed of a booking, and what a change makes of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.bookings.admission import BookablePool
from domain.bookings.changes import (
    BookingWish,
    ChangeBar,
    as_it_counted,
    asked_now,
    asks_anew,
    by_own_terms,
    change_bar,
    recharged,
    said_of,
    wished,
)
from domain.bookings.places import Needs
from domain.bookings.policies.local_time import Period
from domain.bookings.policies.policy import (
    BookingPolicy,
    Occasion,
    Per,
    Price,
    Quota,
    QuotaUnit,
    Rule,
)
from domain.bookings.policies.rules import Charge, RuleVerdict
from domain.bookings.states import BOOKING_ENDS, BookingState
from tests.unit.domain.bookings.asking import BERLIN, local
from tests.unit.domain.bookings.bookings_made import booking, pool

LATER = BookingWish(start_time=local("16:00"), end_time=local("17:00"))
LONGER = BookingWish(end_time=local("16:00"))
DAY = timedelta(days=1)
TOMORROW = BookingWish(start_time=local("14:00") + DAY, end_time=local("15:00") + DAY)
BOOK = Occasion.BOOK
CCS = Needs(frozenset({"cCCS2"}))


def test_what_is_not_wished_stays_as_it_is() -> None:
    one = booking(labels={"car": "van"})
    assert wished(one, BookingWish()) == one
    assert wished(one, BookingWish(needs=CCS)).needs == CCS


@pytest.mark.parametrize(
    ("unit", "period", "wish", "owed"),
    [
        (QuotaUnit.BOOKINGS, Period.DAY, BookingWish(end_time=local("14:30")), 0),
        (QuotaUnit.BOOKINGS, Period.DAY, LATER, 0),
        (QuotaUnit.BOOKINGS, Period.DAY, TOMORROW, 1),
        (QuotaUnit.BOOKINGS, Period.WEEK, TOMORROW, 0),
        (QuotaUnit.HOURS, Period.DAY, BookingWish(end_time=local("14:30")), 0),
        (QuotaUnit.HOURS, Period.DAY, LONGER, 1),
    ],
)
def test_a_booking_within_a_quota_is_not_beyond_it_by_a_change_that_asks_for_no_more(
    unit: QuotaUnit, period: Period, wish: BookingWish, owed: int
) -> None:
    """It is counted before those that were made after it, which are beyond."""
    price = Price(Occasion.BEYOND_QUOTA, 5, "credit")
    quota = Rule("quota", Quota(Per.HOLDER, period, 1, unit, price))
    policy = BookingPolicy(rules=(quota, Rule("price", Price(Occasion.BOOK, 2, "credit"))))
    beyond, fee = Charge(price.occasion, 5, "credit", "quota"), Charge(BOOK, 2, "credit", "price")
    said = RuleVerdict("quota", "", charges=(beyond,)), RuleVerdict("price", "", charges=(fee,))
    first, last = booking(charges=(fee,)), booking(charges=(beyond, fee))
    told = as_it_counted(said, first, wished(first, wish), policy, BERLIN)
    assert recharged(first, told).charges == (*[beyond] * owed, fee)
    assert recharged(last, as_it_counted(said, last, last, policy, BERLIN)).charges == (beyond, fee)
    within = replace(said[0], charges=()), said[1]
    assert recharged(last, as_it_counted(within, last, last, policy, BERLIN)).charges == (fee,)


def test_a_label_without_a_value_is_taken_away() -> None:
    one = booking(labels={"car": "van", "trip": "a"})
    assert wished(one, BookingWish(labels={"car": "", "trip": "b"})).labels == {"trip": "b"}


def test_other_labels_ask_for_no_other_place() -> None:
    one = booking()
    assert not asks_anew(one, wished(one, BookingWish(labels={"car": "van"})))
    assert asks_anew(one, wished(one, LONGER))
    assert asks_anew(one, wished(one, BookingWish(needs=CCS)))


@pytest.mark.parametrize("state", sorted(BOOKING_ENDS))
def test_what_is_over_cannot_be_changed(state: BookingState) -> None:
    one = booking(state=state)
    assert change_bar(one, wished(one, BookingWish(labels={"a": "b"}))) is ChangeBar.ENDED


def test_an_offer_of_the_waiting_list_is_taken_before_it_is_changed() -> None:
    one = booking(state=BookingState.PENDING, waitlist_entry="w")
    assert change_bar(one, wished(one, LATER)) is ChangeBar.OFFER
    assert change_bar(one, wished(one, BookingWish(labels={"a": "b"}))) is None
    taken = replace(one, state=BookingState.CONFIRMED)
    assert change_bar(taken, wished(taken, LATER)) is None


@pytest.mark.parametrize("state", [BookingState.PENDING, BookingState.CONFIRMED])
def test_a_booking_without_an_evse_may_be_changed_as_a_whole(state: BookingState) -> None:
    one = booking(state=state)
    assert change_bar(one, wished(one, LATER)) is None


@pytest.mark.parametrize("state", [BookingState.BOUND, BookingState.HELD, BookingState.IN_USE])
def test_of_a_booking_with_an_evse_the_end_alone_may_be_changed(state: BookingState) -> None:
    one = booking(state=state)
    assert change_bar(one, wished(one, LONGER)) is None
    assert change_bar(one, wished(one, LATER)) is ChangeBar.CHOSEN
    assert change_bar(one, wished(one, BookingWish(needs=CCS))) is ChangeBar.CHOSEN


def test_who_stays_too_long_gets_no_more_time() -> None:
    one = booking(state=BookingState.OVERSTAYED)
    assert change_bar(one, wished(one, LONGER)) is ChangeBar.OVERSTAYED
    assert change_bar(one, wished(one, BookingWish(labels={"a": "b"}))) is None


def test_the_rules_are_those_of_the_booking_and_the_pause_is_that_of_the_pool() -> None:
    today = BookingPolicy(revision=2, buffer=timedelta(minutes=5))
    own = BookingPolicy(revision=1, grace=timedelta(minutes=7))
    terms = by_own_terms(BookablePool(pool(1), today, BERLIN), own).policy
    assert (terms.revision, terms.grace, terms.buffer) == (1, own.grace, today.buffer)


def test_a_change_is_asked_for_at_its_own_time() -> None:
    assert asked_now(booking(), local("13:00")).request.made == local("13:00")


def test_what_was_charged_on_other_occasions_stays() -> None:
    booked = Charge(Occasion.BOOK, 1, "credit", "costs")
    fourth = Charge(Occasion.BEYOND_QUOTA, 1, "credit", "three")
    late = Charge(Occasion.OVERSTAY, 2, "credit", "late")
    now = Charge(Occasion.BOOK, 3, "credit", "costs")
    one = booking(charges=(booked, fourth, late))
    assert recharged(one, [RuleVerdict("costs", "", charges=(now,))]).charges == (late, now)


def test_a_change_is_said_in_words() -> None:
    one = booking()
    assert said_of(one, one) == "nothing"
    everything = BookingWish(end_time=local("16:00"), needs=CCS, labels={"a": "b"})
    assert said_of(one, wished(one, everything)) == (
        "from 2026-12-02 13:00 to 2026-12-02 15:00 UTC, for cCCS2, other labels"
    )
