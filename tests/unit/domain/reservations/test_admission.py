"""Which reservations may be made, changed and used."""

import string
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.reservations import admission
from domain.reservations.admission import ChangeVerdict, EndVerdict, UseVerdict
from domain.reservations.reservation import ENDS, ReservationState
from tests.unit.domain.holds import END_S, hold
from tests.unit.domain.situations import T0, TOKEN, at

OWN, GROUP = TOKEN.digest, "digest of the group"
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [
        (-1, EndVerdict.NOT_IN_FUTURE),
        (0, EndVerdict.NOT_IN_FUTURE),
        (0.001, EndVerdict.FITS),
        (30 * 86_400, EndVerdict.FITS),
        (30 * 86_400 + 0.001, EndVerdict.TOO_LATE),
    ],
)
def test_a_reservation_ends_in_the_future_and_within_30_days(
    seconds: float, verdict: EndVerdict
) -> None:
    assert admission.judge_expire_time(at(seconds), T0) is verdict


@pytest.mark.parametrize(
    ("length", "verdict"),
    [
        (-SECOND, EndVerdict.BAD_LENGTH),
        (SECOND * 0.999, EndVerdict.BAD_LENGTH),
        (SECOND, EndVerdict.FITS),
        (timedelta(days=30), EndVerdict.FITS),
        (timedelta(days=30) + SECOND, EndVerdict.BAD_LENGTH),
    ],
)
def test_a_reservation_lasts_1_second_to_30_days(length: timedelta, verdict: EndVerdict) -> None:
    assert admission.judge_ttl(length) is verdict


def test_the_end_is_the_moment_that_was_given_or_counted_from_now() -> None:
    assert admission.end_of(at(60), None, T0) == at(60)
    assert admission.end_of(None, timedelta(seconds=90), T0) == at(90)
    assert admission.end_of(None, None, T0) is None


def test_a_reservation_that_is_over_is_not_asked_for() -> None:
    assert admission.sent_until(at(120), at(30)) == at(30)
    assert admission.sent_until(at(120), at(600)) == at(120)


def test_one_request_always_makes_the_same_reservation() -> None:
    made = admission.reservation_id("acme", "c1")
    assert made == admission.reservation_id("acme", "c1")
    assert made not in {admission.reservation_id("acme", "c2"), admission.reservation_id("x", "c1")}
    assert len(made) == 24
    assert set(made) <= set(string.hexdigits.lower())


def test_the_id_of_a_reservation_stays_what_it_was_in_earlier_releases() -> None:
    assert admission.reservation_id("default", "c1") == "7163b526d146c8ec1fd576a4"


@pytest.mark.parametrize("digests", [{OWN}, {GROUP}, {OWN, "other"}])
def test_a_start_may_use_a_held_reservation_of_its_token_or_group(digests: set[str]) -> None:
    held = hold(group_id_token=replace(TOKEN, digest=GROUP))
    assert admission.judge_use(held, "CS-1", digests) is UseVerdict.USABLE


@pytest.mark.parametrize("digests", [set(), {"other"}, {GROUP}])
def test_a_start_of_another_token_may_not(digests: set[str]) -> None:
    assert admission.judge_use(hold(), "CS-1", digests) is UseVerdict.FOR_ANOTHER_TOKEN


def test_a_start_at_another_station_learns_nothing_of_the_reservation() -> None:
    ended = hold(state=ReservationState.USED)
    assert admission.judge_use(ended, "CS-2", {"other"}) is UseVerdict.OF_ANOTHER_STATION


@pytest.mark.parametrize("state", [ReservationState.REQUESTED, *sorted(ENDS)])
def test_a_reservation_that_is_not_held_cannot_be_used(state: ReservationState) -> None:
    assert admission.judge_use(hold(state=state), "CS-1", {OWN}) is UseVerdict.NOT_HELD


@pytest.mark.parametrize("state", ReservationState)
def test_a_reservation_can_be_changed_while_it_is_held(state: ReservationState) -> None:
    verdict = admission.judge_change(hold(state=state))
    if state is ReservationState.HELD:
        assert verdict is ChangeVerdict.CHANGEABLE
    else:
        assert verdict is (ChangeVerdict.ENDED if state in ENDS else ChangeVerdict.NOT_HELD)


@pytest.mark.parametrize("state", ReservationState)
def test_a_reservation_that_has_ended_is_not_asked_for(state: ReservationState) -> None:
    asked = admission.may_still_be_asked_for(hold(state=state), at(END_S), at(0))
    assert asked == (state not in ENDS)


def test_a_reservation_is_not_asked_for_from_its_end_on() -> None:
    assert admission.may_still_be_asked_for(None, at(END_S), at(END_S - 1))
    assert not admission.may_still_be_asked_for(None, at(END_S), at(END_S))


@pytest.mark.parametrize("state", ReservationState)
def test_a_reservation_is_being_asked_for_while_it_is_requested(state: ReservationState) -> None:
    asked_for = admission.is_being_asked_for(hold(state=state))
    assert asked_for == (state is ReservationState.REQUESTED)
