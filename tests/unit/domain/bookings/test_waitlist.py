"""Who is offered a place that becomes free."""

from dataclasses import replace
from datetime import timedelta

from domain.bookings.policies.policy import WaitlistTerms
from domain.bookings.waitlist import (
    WAIT_TRANSITIONS,
    WaitlistEntry,
    WaitState,
    accepted,
    at,
    in_order,
    offered,
    snoozed,
)
from tests.unit.domain.bookings.asking import local

TERMS = WaitlistTerms(timedelta(minutes=15), 1)


def entry(id: str, joined: str, **more: object) -> WaitlistEntry:
    plain = WaitlistEntry(id, local(joined), local("14:00"), local("15:00"), snoozes_left=1)
    return replace(plain, **more)  # type: ignore[arg-type]


def test_who_waits_longest_is_asked_first_and_the_displaced_before_all() -> None:
    entries = [
        entry("second", "09:00"),
        entry("first", "08:00"),
        entry("displaced", "10:00", displaced=True),
        entry("snoozed", "07:00", state=WaitState.SNOOZED),
        entry("asked", "06:00", state=WaitState.OFFERED),
    ]
    assert [one.id for one in in_order(entries)] == ["displaced", "first", "second", "snoozed"]


def test_an_offer_stands_for_a_while_and_not_beyond_its_span() -> None:
    assert offered(entry("a", "08:00"), TERMS, local("09:00")).offer_expires == local("09:15")
    assert offered(entry("a", "08:00"), TERMS, local("14:50")).offer_expires == local("15:00")


def test_an_offer_is_taken_while_it_stands() -> None:
    offer = offered(entry("a", "08:00"), TERMS, local("09:00"))
    taken = accepted(offer, local("09:14"))
    assert taken and taken.state is WaitState.ACCEPTED
    assert accepted(offer, local("09:15")) is None
    assert accepted(entry("a", "08:00"), local("09:00")) is None


def test_an_offer_is_put_off_as_often_as_the_policy_allows() -> None:
    offer = offered(entry("a", "08:00"), TERMS, local("09:00"))
    later = snoozed(offer, local("09:05"))
    assert later and later.state is WaitState.SNOOZED
    again = offered(later, TERMS, local("10:00"))
    assert snoozed(again, local("10:05")) is None
    assert snoozed(entry("a", "08:00"), local("09:00")) is None


def test_an_offer_that_nobody_takes_lapses() -> None:
    offer = offered(entry("a", "08:00"), TERMS, local("09:00"))
    assert at(offer, local("09:14")) == offer
    assert at(offer, local("09:15")).state is WaitState.LAPSED


def test_a_span_that_is_over_is_waited_for_no_longer() -> None:
    assert at(entry("a", "08:00"), local("15:00")).state is WaitState.LAPSED
    left = entry("a", "08:00", state=WaitState.LEFT)
    assert at(left, local("15:00")) == left


def test_the_table_is_total() -> None:
    assert set(WAIT_TRANSITIONS) == set(WaitState)
