"""When an EVSE is asked again to hold, after it refused."""

from datetime import timedelta

import pytest

from domain.bookings.blocking.refused_holds import (
    NONE_USABLE,
    asked_again_time,
    end_unheld,
    kept_unheld,
    refused_for_now,
)
from domain.bookings.states import BookingState
from domain.reservations.reservation import Reservation, ReservationState
from tests.unit.domain.bookings.asking import local
from tests.unit.domain.bookings.bookings_made import booking, hold

REFUSED = hold(ReservationState.REFUSED, end_time=local("14:00"))


@pytest.mark.parametrize(
    ("holds", "tried", "pause_s"),
    [
        (0, (), 30),
        (1, ("S/1",), 30),
        (2, ("S/1",), 60),
        (4, ("S/1",), 240),
        (2, ("S/1", "S/2"), 30),
        (4, ("S/1", "S/2"), 60),
        (6, ("S/1",), 600),
        (999, ("S/1",), 600),
    ],
)
def test_the_pause_grows_with_each_round(
    holds: int, tried: tuple[str, ...], pause_s: float
) -> None:
    one = booking(holds=holds, tried=tried)
    assert asked_again_time(one, REFUSED) == local("14:00") + timedelta(seconds=pause_s)


def test_a_hold_whose_end_is_not_told_counts_from_its_request() -> None:
    asked = hold(ReservationState.REFUSED)
    assert asked_again_time(booking(), asked) == asked.create_time + timedelta(seconds=30)


def test_it_is_told_that_no_evse_is_held_and_when_one_is_asked_again() -> None:
    one = refused_for_now(booking(tried=("S/1",)), local("14:01"))
    assert one.progress.startswith("The EVSE did not hold it")
    assert one.progress.endswith(f"asked again at {local('14:01'):%H:%M:%S} UTC.")
    two = refused_for_now(booking(tried=("S/1", "S/2")), local("14:01"))
    assert two.progress.startswith("2 EVSEs did not hold it")


def test_the_driver_is_told_that_the_place_is_his_and_not_sure() -> None:
    one = kept_unheld(booking(place="S/2"), local("14:01"))
    assert one.progress == (
        "No station holds it. EVSE 2 of station S is its place all the same, and is free; somebody "
        f"else may take it first. Asked again at {local('14:01'):%H:%M:%S} UTC."
    )


LOST = hold(ReservationState.LOST, end_time=local("14:00"))


@pytest.mark.parametrize(
    ("state", "last", "usable", "blocked", "cause"),
    [
        (BookingState.BOUND, REFUSED, True, False, "NOT_HELD"),
        (BookingState.BOUND, REFUSED, None, False, "USE_NOT_KNOWN"),
        (BookingState.BOUND, REFUSED, False, False, "NO_PLACE_LEFT"),
        (BookingState.BOUND, REFUSED, False, True, "NO_PLACE_LEFT"),
        (BookingState.BOUND, None, True, False, "USE_NOT_KNOWN"),
        (BookingState.BOUND, None, False, False, "NO_PLACE_LEFT"),
        (BookingState.BOUND, None, True, True, "NO_PLACE_LEFT"),
        (BookingState.BOUND, LOST, True, False, "USE_NOT_KNOWN"),
        (BookingState.IN_USE, REFUSED, True, False, "USE_NOT_KNOWN"),
    ],
)
def test_the_end_of_what_nobody_held(
    state: BookingState, last: Reservation | None, usable: bool | None, blocked: bool, cause: str
) -> None:
    one = booking(state=state)
    assert end_unheld(one, last, usable=usable, blocked=blocked) == cause


@pytest.mark.parametrize(
    ("progress", "cause"), [("", "USE_NOT_KNOWN"), (NONE_USABLE, "NO_PLACE_LEFT")]
)
def test_a_booking_for_which_nobody_looked_in_time_is_not_said_to_have_lost_its_place(
    progress: str, cause: str
) -> None:
    one = booking(state=BookingState.CONFIRMED, place="", progress=progress)
    assert end_unheld(one, None, usable=None, blocked=False) == cause
