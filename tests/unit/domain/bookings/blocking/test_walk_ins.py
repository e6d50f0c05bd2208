"""Who charges where another driver has a booking: told, charged, stopped; the booking waits."""

from datetime import datetime, timedelta

import pytest

from domain.bookings.blocking.walk_ins import Blocker, climbed, noted
from domain.bookings.carrying import (
    LOOK_AGAIN,
    BookingFacts,
    CarryAct,
    CarryStep,
    held_up,
    next_carry,
)
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
from domain.reservations.reservation import ReservationState
from tests.unit.domain.bookings.asking import local
from tests.unit.domain.bookings.bookings_made import booking, hold

MINUTE = timedelta(minutes=1)
TELL, CHARGE, STOP = LadderAct.TELL, LadderAct.CHARGE, LadderAct.STOP
POLICY = BookingPolicy(
    rules=(
        Rule("overstay", Price(Occasion.OVERSTAY, 1, "credit")),
        Rule("members", Price(Occasion.OVERSTAY, 9, "credit"), groups=frozenset({"members"})),
    ),
    bind_lead=30 * MINUTE,
    hold_lead=10 * MINUTE,
    grace=15 * MINUTE,
    buffer=5 * MINUTE,
    overstay=(LadderStep(TELL, 0 * MINUTE), LadderStep(CHARGE, MINUTE), LadderStep(STOP, MINUTE)),
)
OWED = Charge(Occasion.OVERSTAY, 1, "credit", "overstay")
BOUND, HELD = BookingState.BOUND, BookingState.HELD


def walk_in(since: str = "13:00", booking: str = "") -> Blocker:
    return Blocker("t9", local(since), "bert", booking)


def carried(
    at: str | datetime,
    blocker: Blocker,
    state: BookingState = BOUND,
    held: ReservationState | None = None,
) -> CarryStep:
    """The step for a booking of 14:00 to 15:00, whose EVSE is not free."""
    facts = BookingFacts(False, hold(held) if held else None, blocker=blocker)
    now = local(at) if isinstance(at, str) else at
    return next_carry(booking(state=state), POLICY, facts, now)


@pytest.mark.parametrize(
    ("at", "done"),
    [("13:54", ()), ("13:55", (TELL,)), ("13:56", (TELL, CHARGE, STOP))],
)
def test_the_ladder_counts_from_the_pause_before_the_slot(
    at: str, done: tuple[LadderAct, ...]
) -> None:
    step = climbed(booking(state=BOUND), POLICY, walk_in(), local(at))
    assert step.booking.blocked is not None
    assert step.booking.blocked.done == done
    assert step.stops is (STOP in done)
    assert step.booking.blocked.charges == ((OWED,) if CHARGE in done else ())
    again = climbed(step.booking, POLICY, walk_in(), local(at))
    assert (again.booking, again.stops) == (step.booking, False)


def test_the_ladder_of_who_comes_in_the_slot_counts_from_his_coming() -> None:
    late = walk_in("14:20")
    step = climbed(booking(state=HELD), POLICY, late, local("14:20"))
    assert step.booking.blocked is not None
    assert step.booking.blocked.done == (TELL,)
    assert step.next_step == local("14:21")


def test_who_has_a_booking_too_meets_the_ladder_of_that_one() -> None:
    step = climbed(booking(state=BOUND), POLICY, walk_in(booking="other"), local("14:10"))
    assert step.booking.blocked is not None
    assert (step.booking.blocked.booking, step.booking.blocked.done) == ("other", ())
    assert not step.stops


def test_who_is_not_there_any_more_is_forgotten_and_another_one_is_told_anew() -> None:
    first = climbed(booking(state=BOUND), POLICY, walk_in(), local("13:58")).booking
    assert noted(first, None).blocked is None
    other = noted(first, Blocker("t10", local("13:58"), "cleo"))
    assert other.blocked is not None
    assert (other.blocked.transaction, other.blocked.done) == ("t10", ())
    assert climbed(booking(), POLICY, None, local("13:58")).booking == booking()


# --- the booking beside it


def test_a_session_that_may_end_by_itself_moves_nobody() -> None:
    step = carried("13:40", walk_in("13:40"))
    assert (step.act, step.look_again) == (CarryAct.WAIT, local("13:40") + LOOK_AGAIN)
    assert step.booking.blocked is not None
    assert carried("13:41", walk_in("13:40")).act is CarryAct.BIND


def test_a_hold_beside_a_session_of_somebody_else_is_left_when_the_slot_has_begun() -> None:
    waits = carried("13:54", walk_in(), HELD, ReservationState.HELD)
    assert (waits.act, waits.booking.state) == (CarryAct.WAIT, HELD)
    assert carried("13:57", walk_in(), HELD, ReservationState.HELD).act is CarryAct.STOP_OTHER
    assert carried("14:00", walk_in(), HELD, ReservationState.HELD).act is CarryAct.LET_GO
    fresh = carried("14:05", walk_in("14:05"), HELD, ReservationState.HELD)
    assert (fresh.act, fresh.booking.state) == (CarryAct.WAIT, HELD)


@pytest.mark.parametrize(
    ("at", "state"), [("13:40", BookingState.CONFIRMED), ("13:50", BookingState.BOUND)]
)
def test_a_driver_is_told_the_evse_that_is_not_free_when_it_should_be_held(
    at: str, state: BookingState
) -> None:
    step = held_up(booking(tried=("S/1",)), POLICY, walk_in(), local(at))
    assert (step.booking.state, step.booking.tried) == (state, ())
    assert step.look_again == local(at) + LOOK_AGAIN


def test_a_booking_whose_evse_is_not_free_waits_for_its_grace_and_no_longer() -> None:
    last = held_up(booking(), POLICY, walk_in(), local("14:15") - LOOK_AGAIN / 2)
    assert last.look_again == local("14:15")
    assert carried("14:14", walk_in()).act is CarryAct.BIND
    for held in (None, ReservationState.REFUSED):
        over = carried("14:15", walk_in(), held=held)
        assert (over.booking.state, over.booking.cause) == (
            BookingState.DISPLACED,
            "NO_PLACE_LEFT",
        )
        assert over.booking.blocked is None


def test_who_found_somebody_else_at_his_evse_is_no_no_show() -> None:
    over = carried("14:15", walk_in("14:10"), HELD, ReservationState.NO_SHOW)
    assert (over.booking.state, over.booking.charges) == (BookingState.EXPIRED, ())
