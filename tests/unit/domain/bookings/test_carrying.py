"""What is next for a booking, for each of its states and each fact."""

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.bookings.carrying import (
    LEFT_AFTER,
    LOOK_AT_SESSION,
    LOOK_SELDOM,
    BookingFacts,
    BookingSession,
    Came,
    CarryAct,
    CarryStep,
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
from domain.bookings.states import (
    BOOKING_CORRECTIONS,
    BOOKING_ENDS,
    BOOKING_TRANSITIONS,
    BookingState,
)
from domain.reservations.reservation import ReservationState
from domain.reservations.transitions import EndCause
from tests.unit.domain.bookings.asking import local
from tests.unit.domain.bookings.bookings_made import booking, hold

MINUTE = timedelta(minutes=1)
POLICY = BookingPolicy(
    rules=(
        Rule("no-show", Price(Occasion.NO_SHOW, 2, "credit")),
        Rule("overstay", Price(Occasion.OVERSTAY, 1, "credit")),
    ),
    bind_lead=30 * MINUTE,
    hold_lead=10 * MINUTE,
    grace=15 * MINUTE,
    late_stop=5 * MINUTE,
    overstay=(
        LadderStep(LadderAct.TELL, 0 * MINUTE),
        LadderStep(LadderAct.CHARGE, 10 * MINUTE),
        LadderStep(LadderAct.STOP, 20 * MINUTE),
    ),
)
NO_SHOW_CHARGE = Charge(Occasion.NO_SHOW, 2, "credit", "no-show")
RUNS = BookingSession("t1")


def carried(at: str, facts: BookingFacts | None = None, **fields: Any) -> CarryStep:
    """The step for a booking of 14:00 to 15:00."""
    return next_carry(booking(**fields), POLICY, facts or BookingFacts(True), local(at))


def stopped(at: str) -> BookingFacts:
    return BookingFacts(session=BookingSession("t1", local(at)))


def held(state: ReservationState, cause: str = "", usable: bool | None = True) -> BookingFacts:
    return BookingFacts(usable, hold(state, cause=cause))


# --- the driver at another EVSE


@pytest.mark.parametrize("state", [BookingState.CONFIRMED, BookingState.BOUND, BookingState.HELD])
def test_who_plugs_in_at_another_evse_of_the_pool_has_that_one(state: BookingState) -> None:
    facts = BookingFacts(session=BookingSession("t1", place="S/2"))
    step = carried("14:02", facts, state=state)
    assert (step.act, step.booking.state) == (CarryAct.WAIT, BookingState.IN_USE)
    assert (step.booking.place, step.booking.transaction) == ("S/2", "t1")


@pytest.mark.parametrize(
    ("place", "state", "act"),
    [
        ("S/2", ReservationState.HELD, CarryAct.LET_GO),
        ("S/2", ReservationState.CANCELLED, CarryAct.WAIT),
        ("S/1", ReservationState.HELD, CarryAct.WAIT),
        ("", ReservationState.HELD, CarryAct.WAIT),
    ],
)
def test_the_hold_at_the_first_evse_is_let_go(
    place: str, state: ReservationState, act: CarryAct
) -> None:
    facts = BookingFacts(True, hold(state, evse_id=1), BookingSession("t1", place=place))
    assert carried("14:02", facts, state=BookingState.HELD).act is act


def test_who_stays_too_long_at_another_evse_is_stopped_first() -> None:
    facts = BookingFacts(
        True, hold(ReservationState.HELD, evse_id=1), BookingSession("t1", place="S/2")
    )
    assert carried("15:30", facts, state=BookingState.IN_USE).act is CarryAct.STOP


# --- the driver who has checked in


def test_who_checked_in_late_has_the_evse_held_on() -> None:
    over = held(ReservationState.NO_SHOW, EndCause.TIME_OVER)
    came = {"state": BookingState.HELD, "check_in_time": local("14:10")}
    step = carried("14:16", over, **came)
    assert (step.act, step.booking.state) == (CarryAct.HOLD, BookingState.BOUND)
    broken = carried("14:16", replace(over, place_usable=False), **came)
    assert broken.act is CarryAct.BIND


def test_who_checked_in_and_did_not_charge_is_no_no_show() -> None:
    over = held(ReservationState.NO_SHOW, EndCause.TIME_OVER)
    step = carried("14:25", over, state=BookingState.HELD, check_in_time=local("14:10"))
    assert (step.booking.state, step.booking.cause) == (BookingState.EXPIRED, "CHECKED_IN_ONLY")
    assert step.booking.charges == ()


# --- before the driver comes


def test_a_confirmed_booking_waits_until_its_evse_is_to_be_chosen() -> None:
    step = carried("13:29")
    assert (step.act, step.look_again) == (CarryAct.WAIT, local("13:30"))
    assert carried("13:30").act is CarryAct.BIND


def test_a_bound_booking_is_held_when_the_time_has_come() -> None:
    early = carried("13:45", state=BookingState.BOUND)
    assert (early.act, early.look_again) == (CarryAct.WAIT, local("13:50"))
    assert carried("13:30", state=BookingState.BOUND).look_again == local("13:30") + LOOK_SELDOM
    assert carried("13:50", state=BookingState.BOUND).act is CarryAct.HOLD


@pytest.mark.parametrize("usable", [True, None])
def test_an_evse_of_which_nothing_is_known_is_asked_for_all_the_same(usable: bool | None) -> None:
    step = carried("13:50", BookingFacts(usable), state=BookingState.BOUND)
    assert step.act is CarryAct.HOLD


def test_an_evse_that_cannot_be_used_is_replaced_before_it_is_held() -> None:
    assert carried("13:40", BookingFacts(False), state=BookingState.BOUND).act is CarryAct.BIND


def test_a_hold_is_followed() -> None:
    asked = carried("13:51", held(ReservationState.REQUESTED), state=BookingState.BOUND)
    assert (asked.act, asked.booking.state) == (CarryAct.WAIT, BookingState.BOUND)
    known = carried("13:51", held(ReservationState.HELD), state=BookingState.BOUND)
    assert (known.act, known.booking.state) == (CarryAct.WAIT, BookingState.HELD)
    still = carried("13:52", held(ReservationState.HELD), state=BookingState.HELD)
    assert still.booking.state is BookingState.HELD
    again = carried("13:52", held(ReservationState.REQUESTED), state=BookingState.HELD)
    assert again.booking.state is BookingState.BOUND


@pytest.mark.parametrize(
    "state", [ReservationState.LOST, ReservationState.REFUSED, ReservationState.CANCELLED]
)
@pytest.mark.parametrize("before", [BookingState.BOUND, BookingState.HELD])
def test_a_hold_that_was_lost_leads_to_another_evse(
    state: ReservationState, before: BookingState
) -> None:
    step = carried("13:55", held(state), state=before)
    assert (step.act, step.booking.state) == (CarryAct.BIND, BookingState.BOUND)


def test_a_booking_that_has_to_be_confirmed_waits_for_that_only() -> None:
    pending: dict[str, Any] = {"state": BookingState.PENDING, "confirm_by": local("12:00")}
    assert carried("11:59", **pending).look_again == local("12:00")
    late = carried("12:00", **pending)
    assert (late.booking.state, late.booking.cause) == (
        BookingState.EXPIRED,
        "NOT_CONFIRMED_IN_TIME",
    )
    assert carried("11:59", state=BookingState.PENDING).act is CarryAct.WAIT
    charging = carried("11:59", BookingFacts(session=RUNS), **pending)
    assert charging.booking.state is BookingState.PENDING


# --- nobody comes


@pytest.mark.parametrize("cause", [EndCause.TIME_OVER, EndCause.NO_TRANSACTION])
def test_a_hold_that_nobody_used_is_a_no_show(cause: EndCause) -> None:
    state = ReservationState.EXPIRED if cause is EndCause.TIME_OVER else ReservationState.NO_SHOW
    step = carried("14:15", held(state, cause), state=BookingState.HELD)
    assert step.act is CarryAct.DONE
    assert (step.booking.state, step.booking.charges) == (BookingState.NO_SHOW, (NO_SHOW_CHARGE,))


def test_a_hold_whose_use_is_not_known_is_no_no_show() -> None:
    facts = held(ReservationState.EXPIRED, EndCause.USE_NOT_KNOWN)
    step = carried("14:15", facts, state=BookingState.HELD)
    assert (step.booking.state, step.booking.charges) == (BookingState.EXPIRED, ())


@pytest.mark.parametrize(
    ("state", "cause"),
    [
        (ReservationState.NO_SHOW, EndCause.NO_TRANSACTION),
        (ReservationState.EXPIRED, EndCause.TIME_OVER),
    ],
)
def test_a_hold_that_its_station_ends_early_is_no_no_show_before_the_grace_is_over(
    state: ReservationState, cause: EndCause
) -> None:
    early = carried("13:55", held(state, cause), state=BookingState.HELD)
    assert (early.act, early.booking.state) == (CarryAct.WAIT, BookingState.HELD)
    assert early.look_again == local("14:15")


def test_a_station_that_is_away_after_an_early_end_of_the_hold_proves_no_no_show() -> None:
    ended = hold(ReservationState.EXPIRED, cause=EndCause.TIME_OVER, end_time=local("14:14"))
    there = carried("14:15", BookingFacts(True, ended), state=BookingState.HELD)
    away = carried("14:15", BookingFacts(None, ended), state=BookingState.HELD)
    assert there.booking.state is BookingState.NO_SHOW
    assert (away.booking.state, away.booking.charges) == (BookingState.EXPIRED, ())


def test_a_no_show_that_a_late_report_puts_in_doubt_is_not_known_and_not_charged() -> None:
    told: dict[str, Any] = {
        "state": BookingState.NO_SHOW,
        "charges": (NO_SHOW_CHARGE,),
        "end_of_life_time": local("14:15"),
    }
    step = carried("14:16", held(ReservationState.EXPIRED, EndCause.USE_NOT_KNOWN), **told)
    assert (step.act, step.booking.state) == (CarryAct.DONE, BookingState.EXPIRED)
    assert (step.booking.cause, step.booking.charges) == ("USE_NOT_KNOWN", ())
    assert step.booking.end_of_life_time == local("14:15")


def test_who_may_have_charged_elsewhere_in_the_pool_is_no_no_show() -> None:
    facts = replace(held(ReservationState.EXPIRED, EndCause.TIME_OVER), elsewhere=Came.YES)
    step = carried("14:15", facts, state=BookingState.HELD)
    assert (step.booking.state, step.booking.charges) == (BookingState.EXPIRED, ())
    assert step.booking.cause == "USE_NOT_KNOWN"


def test_a_lost_hold_at_the_end_of_the_grace_proves_nothing() -> None:
    step = carried("14:15", held(ReservationState.LOST), state=BookingState.BOUND)
    assert step.booking.cause == "USE_NOT_KNOWN"


@pytest.mark.parametrize(("usable", "cause"), [(True, "USE_NOT_KNOWN"), (False, "NO_PLACE_LEFT")])
def test_a_booking_that_never_had_a_hold_is_displaced_only_from_a_place_that_failed(
    usable: bool, cause: str
) -> None:
    step = carried("14:15", BookingFacts(place_usable=usable), state=BookingState.BOUND)
    assert step.booking.cause == cause


# --- the driver comes


@pytest.mark.parametrize(
    "state",
    [
        BookingState.CONFIRMED,
        BookingState.BOUND,
        BookingState.HELD,
        BookingState.NO_SHOW,
        BookingState.EXPIRED,
    ],
)
def test_a_session_is_its_use_whatever_was_told_before(state: BookingState) -> None:
    fields: dict[str, Any] = {"state": state, "charges": (NO_SHOW_CHARGE,), "cause": "NOBODY_CAME"}
    step = carried("14:16", BookingFacts(session=RUNS), **fields)
    assert (step.booking.state, step.booking.transaction) == (BookingState.IN_USE, "t1")
    assert (step.booking.charges, step.booking.cause) == ((), "")


def test_a_driver_who_unplugs_may_come_back_for_a_while() -> None:
    using: dict[str, Any] = {"state": BookingState.IN_USE}
    assert carried("14:30", stopped("14:28"), **using).look_again == local("14:28") + LEFT_AFTER
    left = carried("14:33", stopped("14:28"), **using)
    assert (left.booking.state, left.booking.cause) == (BookingState.FULFILLED, "LEFT_EARLY")


@pytest.mark.parametrize(
    ("stop", "cause"),
    [("14:59", "USED"), ("15:04", "USED"), ("15:06", "OVERSTAYED"), ("14:58", "LEFT_EARLY")],
)
def test_the_end_of_the_session_ends_the_booking(stop: str, cause: str) -> None:
    step = carried("15:10", stopped(stop), state=BookingState.IN_USE)
    assert (step.booking.state, step.booking.cause) == (BookingState.FULFILLED, cause)


def test_the_ladder_is_climbed_once() -> None:
    told = carried("15:06", BookingFacts(session=RUNS), state=BookingState.IN_USE)
    assert (told.booking.state, told.booking.ladder_done) == (BookingState.OVERSTAYED, 1)
    charged = next_carry(told.booking, POLICY, BookingFacts(session=RUNS), local("15:15"))
    assert [each.occasion for each in charged.booking.charges] == [Occasion.OVERSTAY]
    assert charged.act is CarryAct.WAIT
    ended = next_carry(charged.booking, POLICY, BookingFacts(session=RUNS), local("15:25"))
    assert (ended.act, ended.booking.ladder_done) == (CarryAct.STOP, 3)
    again = next_carry(ended.booking, POLICY, BookingFacts(session=RUNS), local("15:26"))
    assert (again.act, again.look_again) == (CarryAct.WAIT, local("15:26") + LOOK_AT_SESSION)


# --- the end


@pytest.mark.parametrize("state", sorted(BOOKING_ENDS))
def test_an_ended_booking_lets_its_hold_go(state: BookingState) -> None:
    held_yet = carried("13:55", held(ReservationState.HELD), state=state)
    assert held_yet.act is CarryAct.LET_GO
    assert carried("13:55", held(ReservationState.CANCELLED), state=state).act is CarryAct.DONE
    assert carried("13:55", state=state).act is CarryAct.DONE


def test_a_fulfilled_booking_is_not_told_again_by_its_session() -> None:
    step = carried("16:00", BookingFacts(session=RUNS), state=BookingState.FULFILLED)
    assert step.act is CarryAct.DONE


ALL_FACTS = [
    BookingFacts(),
    *(held(state) for state in ReservationState),
    BookingFacts(session=RUNS),
    stopped("14:30"),
]
TIMES = ["13:00", "13:40", "13:55", "14:10", "14:20", "15:30"]


def reachable(state: BookingState) -> set[BookingState]:
    """What a booking may be some steps later, or after a correction."""
    found = {state}
    for _ in BookingState:
        for each in tuple(found):
            found |= BOOKING_TRANSITIONS[each]
    return found | BOOKING_CORRECTIONS.get(state, frozenset())


@pytest.mark.parametrize("state", BookingState)
def test_no_step_breaks_the_table(state: BookingState) -> None:
    before = booking(state=state, confirm_by=local("13:00"))
    may_be = reachable(state)
    for at, usable, facts in itertools.product(TIMES, (True, False, None), ALL_FACTS):
        known = replace(facts, place_usable=usable)
        step = next_carry(before, POLICY, known, local(at))
        assert step.booking.state in may_be, (at, known)
        assert step.act is CarryAct.DONE or step.look_again or step.act is CarryAct.LET_GO


def test_a_session_that_was_anothers_leaves_the_booking_waiting_or_unknown() -> None:
    using: dict[str, Any] = {"state": BookingState.IN_USE, "transaction": "t1"}
    early = carried("14:05", held(ReservationState.LOST), **using)
    assert (early.act, early.booking.state) == (CarryAct.BIND, BookingState.BOUND)
    assert early.booking.transaction == ""
    late = carried("14:16", held(ReservationState.LOST), **using)
    assert (late.booking.state, late.booking.cause) == (BookingState.EXPIRED, "USE_NOT_KNOWN")


def test_a_used_hold_whose_session_is_forgotten_is_used_to_its_end() -> None:
    used = carried("14:20", held(ReservationState.USED), state=BookingState.HELD)
    assert (used.booking.state, used.act) == (BookingState.IN_USE, CarryAct.WAIT)
    still = carried("14:30", held(ReservationState.USED), state=BookingState.IN_USE)
    assert still.booking.state is BookingState.IN_USE
    over = carried("15:00", held(ReservationState.USED), state=BookingState.IN_USE)
    assert over.booking.cause == "USED"


@pytest.mark.parametrize("state", [BookingState.CANCELLED, BookingState.DISPLACED])
def test_a_session_after_a_cancelled_booking_does_not_revive_it(state: BookingState) -> None:
    step = carried("14:05", BookingFacts(session=RUNS), state=state)
    assert (step.act, step.booking.state) == (CarryAct.DONE, state)


# --- one booking after the other


def test_no_station_is_asked_to_hold_an_evse_at_which_the_driver_charges_already() -> None:
    there = carried("13:55", BookingFacts(True, car_is_there=True), state=BookingState.BOUND)
    assert (there.act, there.booking.state) == (CarryAct.WAIT, BookingState.BOUND)


@pytest.mark.parametrize("state", [BookingState.IN_USE, BookingState.OVERSTAYED])
def test_a_booking_whose_session_went_over_into_the_next_one_was_used(state: BookingState) -> None:
    step = carried("15:20", BookingFacts(session=RUNS, handed_on=True), state=state)
    assert (step.act, step.booking.cause) == (CarryAct.DONE, "USED")
