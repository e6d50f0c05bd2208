"""Somebody who waits: what is asked for, the offer, and what becomes of both."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.bookings.policies.policy import (
    BookingPolicy,
    Length,
    Occasion,
    PlaceShare,
    Rule,
    WaitlistTerms,
)
from domain.bookings.policies.rules import Charge, RuleVerdict
from domain.bookings.states import BOOKING_TRANSITIONS, BookingCause, BookingState
from domain.bookings.waiting import (
    LineNow,
    Waiter,
    due_time,
    ended_as,
    expected_time,
    followed,
    follows,
    line,
    not_taken,
    offer,
    position,
    put_off,
    stands_against,
    taken,
    wanted,
)
from domain.bookings.waitlist import WAIT_TRANSITIONS, WaitlistEntry, WaitState
from tests.unit.domain.bookings.asking import local
from tests.unit.domain.bookings.bookings_made import ID_TOKEN

SHARE = Rule("a", PlaceShare(1, timedelta(hours=1)), groups=frozenset({"A"}))
POLICY = BookingPolicy((SHARE,), waitlist=WaitlistTerms(timedelta(minutes=15), 1))
ANNA, BO = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"


def waiter(name: str = ANNA, joined: str = "08:00", **entry: object) -> Waiter:
    plain = WaitlistEntry(name, local(joined), local("14:00"), local("15:00"), snoozes_left=1)
    return Waiter(replace(plain, **entry), "acme", "hub", ID_TOKEN)  # type: ignore[arg-type]


def offered(at: str = "09:00") -> Waiter:
    one = waiter()
    return offer(one, wanted(one, "plain", local(at)), POLICY, local(at))[0]


def test_the_position_is_that_among_those_who_want_the_same_time() -> None:
    anna, bo = waiter(), waiter(BO, "07:00")
    later = waiter("elsewhere", "06:00", start=local("16:00"), end=local("17:00"))
    assert [each.name for each in line([anna, later, bo])] == ["elsewhere", BO, ANNA]
    assert position(anna, [anna, later, bo]) == 2
    assert position(ended_as(anna, WaitState.LEFT), [bo]) == 0


def test_an_entry_that_is_told_as_it_was_has_the_place_that_it_has_now() -> None:
    anna, bo = waiter(), waiter(BO, "07:00")
    now = LineNow([anna, bo], POLICY, local("09:00"))
    assert now.position(anna) == 2
    assert now.position(replace(anna, revision=9)) == 2
    assert now.position(ended_as(anna, WaitState.LEFT)) == 0  # as it was told
    assert replace(now, waiting=[bo]).position(anna) == 0  # it waits no longer
    assert now.expected_time(anna) == local("13:00")
    assert now.expected_time(offered()) is None


def test_an_offer_is_a_booking_that_waits_for_its_confirmation() -> None:
    one = waiter()
    new = wanted(one, "plain", local("09:00"))
    made, kept = offer(one, new, POLICY, local("09:00"))
    assert (made.entry.state, made.booking, made.offers) == (WaitState.OFFERED, kept.name, 1)
    assert (kept.state, kept.confirm_by) == (BookingState.PENDING, local("09:15"))
    assert (kept.start_time, kept.create_time) == (local("14:00"), local("09:00"))
    assert wanted(made, "plain", local("09:00")).name != kept.name  # the next one is another one


def test_a_time_that_has_begun_is_judged_whole_and_offered_from_now_on() -> None:
    new = wanted(waiter(), "plain", local("14:20"))
    assert (new.start_time, new.create_time) == (local("14:00"), local("14:00"))
    kept = offer(waiter(), new, POLICY, local("14:20"))[1]
    assert kept.start_time == local("14:20")
    late = taken(kept, local("14:30"))
    assert (late.state, late.start_time) == (BookingState.CONFIRMED, local("14:30"))
    assert taken(kept, local("15:30")).start_time == local("15:00")


def test_who_puts_an_offer_off_is_left_alone_for_a_while() -> None:
    later = put_off(offered(), "r1", POLICY, local("09:05"))
    assert later
    assert (later.entry.state, later.snoozed_by, later.booking) == (WaitState.SNOOZED, ("r1",), "")
    assert not later.may_be_asked(local("09:19"))
    assert later.may_be_asked(local("09:20"))
    assert due_time(later, POLICY, local("09:05")) == local("09:20")
    assert put_off(waiter(), "r1", POLICY, local("09:05")) is None


@pytest.mark.parametrize(
    ("state", "then"),
    [
        (BookingState.CONFIRMED, WaitState.ACCEPTED),
        (BookingState.CANCELLED, WaitState.LEFT),
        (BookingState.EXPIRED, WaitState.LAPSED),
        (BookingState.DISPLACED, WaitState.WAITING),
        (BookingState.PENDING, WaitState.OFFERED),
    ],
)
def test_who_waits_follows_the_booking_of_the_offer(state: BookingState, then: WaitState) -> None:
    one = waiter()
    made, kept = offer(one, wanted(one, "plain", local("09:00")), POLICY, local("09:00"))
    after = followed(made, replace(kept, state=state))
    assert after.entry.state is then
    assert bool(after.booking) == (then in {WaitState.ACCEPTED, WaitState.OFFERED})


def test_whatever_an_offer_becomes_is_a_step_that_its_entry_may_take() -> None:
    for state in BOOKING_TRANSITIONS[BookingState.PENDING]:
        assert follows(state) in WAIT_TRANSITIONS[WaitState.OFFERED]


def test_who_waits_follows_no_other_booking() -> None:
    one = offered()
    kept = replace(wanted(waiter(), "plain", local("09:00")), state=BookingState.CANCELLED)
    assert followed(one, replace(kept, name=BO)) is one
    gone = ended_as(one, WaitState.LEFT)
    assert followed(gone, kept) is gone


def test_nothing_is_charged_for_an_offer_that_was_not_taken() -> None:
    kept = replace(
        wanted(waiter(), "plain", local("09:00")),
        charges=(Charge(Occasion.BOOK, 1, "credit", "fee"),),
    )
    over = not_taken(kept, BookingCause.NOT_CONFIRMED_IN_TIME, local("09:15"))
    assert (over.state, over.charges) == (BookingState.EXPIRED, ())


@pytest.mark.parametrize(
    ("one", "now", "due"),
    [
        (waiter(), "12:00", "13:00"),  # the share is given to all
        (waiter(), "13:00", "15:00"),  # its time is over
        (waiter(), "15:30", "15:00"),
        (offered(), "09:00", "09:15"),
        (ended_as(waiter(), WaitState.LEFT), "12:00", None),
    ],
)
def test_who_waits_is_looked_at_when_something_changes_by_itself(
    one: Waiter, now: str, due: str | None
) -> None:
    assert due_time(one, POLICY, local(now)) == _time(due)


@pytest.mark.parametrize(
    ("one", "now", "expected"),
    [(waiter(), "12:00", "13:00"), (waiter(), "13:00", None), (offered(), "09:00", None)],
)
def test_a_place_is_expected_when_a_share_is_given_to_all(
    one: Waiter, now: str, expected: str | None
) -> None:
    assert expected_time(one, POLICY, local(now)) == _time(expected)


def test_nobody_waits_in_vain() -> None:
    policy = BookingPolicy((SHARE, Rule("short", Length(at_most=timedelta(minutes=30)))))
    kept, short = RuleVerdict("a", "", "kept"), RuleVerdict("short", "", "too long")
    assert stands_against([kept], policy) is None
    assert stands_against([kept, short], policy) is short
    assert stands_against([RuleVerdict("short", "")], policy) is None


def _time(text: str | None) -> datetime | None:
    return local(text) if text else None
