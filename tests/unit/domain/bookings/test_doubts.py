"""A no-show is charged: it is told when no station of the pool can know better, and not before."""

from dataclasses import replace
from datetime import timedelta

from domain.bookings.carrying import WAIT_FOR_STATIONS, Came, CarryAct, next_carry
from domain.bookings.policies.policy import BookingPolicy, Occasion
from domain.bookings.policies.rules import Charge
from domain.bookings.states import BookingState
from domain.reservations.reservation import ReservationState
from domain.reservations.transitions import EndCause
from tests.unit.domain.bookings.asking import local
from tests.unit.domain.bookings.bookings_made import booking
from tests.unit.domain.bookings.test_carrying import held

POLICY = BookingPolicy(grace=timedelta(minutes=15))
OVER = held(ReservationState.EXPIRED, EndCause.TIME_OVER)
AWAY = replace(OVER, elsewhere=Came.UNKNOWN)
HELD = booking(state=BookingState.HELD)


def test_a_station_that_is_away_for_a_moment_is_waited_for() -> None:
    step = next_carry(HELD, POLICY, AWAY, local("14:15"))
    assert (step.act, step.booking) == (CarryAct.WAIT, HELD)
    back = next_carry(step.booking, POLICY, OVER, local("14:17"))
    assert back.booking.state is BookingState.NO_SHOW


def test_where_it_stays_away_it_is_not_known_whether_the_driver_came() -> None:
    late = next_carry(HELD, POLICY, AWAY, local("14:15") + WAIT_FOR_STATIONS)
    assert (late.booking.state, late.booking.cause) == (BookingState.EXPIRED, "USE_NOT_KNOWN")


def test_a_driver_whose_card_was_shown_is_no_no_show_though_no_session_began() -> None:
    came = replace(HELD, card_time=local("14:05"))
    told = next_carry(came, POLICY, OVER, local("14:15")).booking
    assert (told.cause, told.charges) == ("USE_NOT_KNOWN", ())


def test_a_session_elsewhere_that_is_known_later_takes_a_no_show_back() -> None:
    fee = Charge(Occasion.NO_SHOW, 2, "credit", "no-show")
    told = replace(HELD, state=BookingState.NO_SHOW, charges=(fee,))
    doubted = next_carry(told, POLICY, replace(OVER, elsewhere=Came.YES), local("14:40"))
    assert (doubted.booking.cause, doubted.booking.charges) == ("USE_NOT_KNOWN", ())
    same = next_carry(told, POLICY, AWAY, local("14:40"))
    assert (same.act, same.booking) == (CarryAct.DONE, told)
