"""What people complain about: the complaints that pure code answers, one test or more for each."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.bookings.admission import BookablePool, BookingDecision, chances, decide
from domain.bookings.booking import Booking
from domain.bookings.carrying import BookingFacts, CarryAct, next_carry
from domain.bookings.enforcement import PlaceEntry, Slot, judge_entry
from domain.bookings.plan import Planned, PoolFull
from domain.bookings.policies.local_time import Period
from domain.bookings.policies.policy import (
    BookingPolicy,
    Concurrent,
    Cutoff,
    Daily,
    Grid,
    Length,
    Occasion,
    Per,
    PlaceShare,
    Price,
    Quota,
    Rule,
)
from domain.bookings.policies.rules import charges, too_late_to_cancel
from domain.bookings.spans import Span
from domain.model.specs import IdToken
from tests.unit.domain.bookings.asking import local
from tests.unit.domain.bookings.bookings_made import booking, pool

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
BERLIN = ZoneInfo("Europe/Berlin")
BERT = IdToken("ISO14443", "****rt", "sealed", "bert")
ONCE = Rule("once", Concurrent(Per.HOLDER, 1), "You can only be at one place.")


def venue(evses: int, *rules: Rule) -> BookablePool:
    return BookablePool(pool(evses), BookingPolicy(rules), BERLIN)


def asked(some: BookablePool, one: Booking, *others: Booking) -> BookingDecision:
    return decide(some, replace(one, place=""), others)


def refused_by(said: BookingDecision) -> str | None:
    return said.refusing.rule if said.refusing else None


# --- the same slot from two tabs


def test_the_same_slot_from_two_tabs_is_booked_once_and_the_other_tab_is_told_what_would_do() -> (
    None
):
    one_evse, first = venue(1), booking(name="first tab")
    assert isinstance(asked(one_evse, first).room, Planned)
    second = booking(name="second tab")
    refusal = asked(one_evse, second, first).room
    assert isinstance(refusal, PoolFull)
    assert refusal.sentence(BERLIN) == "14:00: 2 want a place, 1 is there"
    spans = [Span(local(at), local(at) + HOUR) for at in ("13:00", "13:30", "15:00")]
    told = chances(one_evse, replace(second, place=""), [first], spans)
    assert [each.available for each in told] == [True, False, True]


def test_the_same_slot_from_two_tabs_is_not_booked_twice_where_there_is_room() -> None:
    """Two EVSEs, one driver: the rule stands in the way, not the plan."""
    first, second = booking(name="first tab"), booking(name="second tab")
    assert refused_by(asked(venue(2, ONCE), second, first)) == "once"
    assert isinstance(asked(venue(2), second, first).room, Planned)


# --- the same driver booked twice at once


@pytest.mark.parametrize(
    ("start", "end", "allowed"),
    [
        *(("13:00", "14:00", True), ("15:00", "16:00", True)),
        *(("13:00", "14:01", False), ("14:59", "16:00", False)),
        *(("14:15", "14:30", False), ("13:00", "16:00", False)),
    ],
)
def test_the_same_driver_booked_twice_at_once(start: str, end: str, allowed: bool) -> None:
    said = asked(venue(3, ONCE), booking(start, end, name="new"), booking())
    assert (refused_by(said) is None) is allowed


def test_the_same_driver_booked_twice_at_once_by_another_account_is_the_same_driver() -> None:
    new = booking(name="new", account="cars", groups=frozenset("A"))
    assert refused_by(asked(venue(3, ONCE), new, booking())) == "once"
    assert refused_by(asked(venue(3, ONCE), replace(new, id_token=BERT), booking())) is None


def test_of_one_token_several_bookings_may_overlap_where_the_operator_says_so() -> None:
    twice = Rule("twice", Concurrent(Per.HOLDER, 2))
    first, second = booking("14:00", "15:00"), booking("14:30", "16:00")
    third = booking("14:15", "14:45", name="new")
    assert refused_by(asked(venue(4, twice), third, first, second)) == "twice"
    after_the_first = booking("15:00", "15:30", name="new")
    assert refused_by(asked(venue(4, twice), after_the_first, first, second)) is None


# --- a member left the company

SHARES = (
    Rule("a", PlaceShare(1, HOUR), "One place is kept for A.", frozenset("A")),
    Rule("b", PlaceShare(1, HOUR), "One place is kept for B.", frozenset("B")),
)


def test_a_member_who_left_the_company_gets_none_of_its_places_any_more() -> None:
    member = booking(name="new", groups=frozenset("A"))
    theirs = booking(name="b", id_token=BERT, groups=frozenset("B"))
    assert isinstance(asked(venue(2, *SHARES), member, theirs).room, Planned)
    left = replace(member, groups=frozenset())
    assert refused_by(asked(venue(2, *SHARES), left, theirs)) == "a"


def test_what_a_member_booked_before_leaving_the_company_stays_promised_and_counts_for_it() -> None:
    before = booking(name="before", groups=frozenset("A"))
    colleague = booking(name="new", id_token=BERT, groups=frozenset("A"))
    assert refused_by(asked(venue(2, *SHARES), colleague, before)) == "b"
    once_a_day = Rule("a", Quota(Per.GROUP, Period.DAY, 1), groups=frozenset("A"))
    assert refused_by(asked(venue(2, once_a_day), colleague, before)) == "a"


def test_a_member_who_left_the_company_uses_no_booking_of_its_account() -> None:
    """Who a driver is, is asked when the token is shown, and not when it was booked."""
    start, end = local("14:00"), local("15:00")
    held = Slot("b", frozenset({"bert", "cars"}), start, start, end, "S/1", chosen=True)
    colleague, left = frozenset({"anna", "cars"}), frozenset({"anna"})
    said = [judge_entry([held], who, "S/1", local("14:05")) for who in (colleague, left)]
    assert [each.entry for each in said] == [PlaceEntry.OWN_PLACE, PlaceEntry.BOOKED]


# --- the policy changed after the booking

OLD = BookingPolicy((Rule("show", Price(Occasion.NO_SHOW, 1, "credit")),), grace=30 * MINUTE)
NEW = BookingPolicy(
    (
        Rule("show", Price(Occasion.NO_SHOW, 9, "credit")),
        Rule("cutoff", Cutoff(cancel=24 * HOUR)),
        Rule("short", Length(at_most=30 * MINUTE)),
        Rule("mornings", Grid((Daily(local("07:00").time(), local("13:00").time()),))),
    ),
    grace=5 * MINUTE,
    revision=2,
)


def test_a_policy_that_changed_after_the_booking_does_not_take_its_place() -> None:
    """The new rules refuse such a booking. The one that stands is kept."""
    changed, standing = BookablePool(pool(1), NEW, BERLIN), booking()
    same = booking(name="new")
    assert asked(changed, same).room is None
    open_to_all = BookablePool(pool(1), BookingPolicy(revision=3), BERLIN)
    assert isinstance(asked(open_to_all, same, standing).room, PoolFull)


def test_a_policy_that_changed_after_the_booking_neither_charges_nor_binds_its_holder() -> None:
    one, now = booking(), local("13:00")
    assert too_late_to_cancel(OLD, one.request, now) is None
    assert too_late_to_cancel(NEW, one.request, now) is not None
    (due,) = charges(OLD, one.request, Occasion.NO_SHOW)
    assert due.quantity == 1


def test_a_policy_that_changed_after_the_booking_keeps_the_place_as_long_as_was_promised() -> None:
    late, one = local("14:20"), booking()
    by_old, by_new = (next_carry(one, each, BookingFacts(), late) for each in (OLD, NEW))
    assert (by_old.booking.ended, by_old.act) == (False, CarryAct.BIND)
    assert by_new.booking.ended
