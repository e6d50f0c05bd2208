"""What a driver owes for a session that went on too long, and for which session."""

from datetime import timedelta

import pytest

from domain.bookings.carrying import BookingFacts, BookingSession, next_carry
from domain.bookings.policies.policy import (
    BookingPolicy,
    LadderAct,
    LadderStep,
    Occasion,
    Price,
    Rule,
)
from domain.bookings.policies.rules import Charge
from domain.bookings.states import BookingState
from tests.unit.domain.bookings.asking import local
from tests.unit.domain.bookings.bookings_made import booking

MINUTE = timedelta(minutes=1)
POLICY = BookingPolicy(
    revision=1,
    rules=(Rule("over", Price(Occasion.OVERSTAY, 1, "credit")),),
    overstay=(
        LadderStep(LadderAct.CHARGE, 10 * MINUTE),
        LadderStep(LadderAct.CHARGE, 20 * MINUTE),
    ),
)
BOOKED = Charge(Occasion.BOOK, 3, "credit", "price")
OWED = Charge(Occasion.OVERSTAY, 1, "credit", "over")


@pytest.mark.parametrize(
    ("stop", "owed"), [("14:59", 0), ("15:09", 0), ("15:10", 1), ("15:25", 2), ("15:29", 2)]
)
def test_who_had_left_before_a_step_fell_due_does_not_owe_it_when_that_is_told_late(
    stop: str, owed: int
) -> None:
    """The station was offline, so that the ladder was climbed meanwhile."""
    there = booking(
        state=BookingState.OVERSTAYED, transaction="s", charges=(BOOKED, OWED, OWED), ladder_done=2
    )
    told = BookingFacts(session=BookingSession("s", local(stop)))
    over = next_carry(there, POLICY, told, local("15:30")).booking
    assert over.state is BookingState.FULFILLED
    assert over.charges == (BOOKED, *[OWED] * owed)


def test_steps_that_fall_due_at_once_are_each_owed() -> None:
    there = booking(state=BookingState.IN_USE, transaction="s")
    told = BookingFacts(session=BookingSession("s"))
    late = next_carry(there, POLICY, told, local("15:30")).booking
    assert (late.charges, late.ladder_done) == ((OWED, OWED), 2)


def test_the_session_with_which_its_driver_came_back_is_the_one_that_is_told() -> None:
    there = booking(state=BookingState.IN_USE, transaction="first")
    told = BookingFacts(session=BookingSession("second"))
    assert next_carry(there, POLICY, told, local("14:30")).booking.transaction == "second"


def test_who_leaves_before_his_booking_begins_may_come_back_until_shortly_after_its_start() -> None:
    there = booking(state=BookingState.IN_USE, transaction="s")
    told = BookingFacts(session=BookingSession("s", local("13:40")))
    step = next_carry(there, POLICY, told, local("14:04"))
    assert (step.booking.state, step.look_again) == (BookingState.IN_USE, local("14:05"))
