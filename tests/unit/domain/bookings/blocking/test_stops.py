"""A session that the policy stops, and that still runs, is asked to stop again and again."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.bookings.blocking.stops import AskedStop, asks_again, stop_again_time
from domain.bookings.blocking.walk_ins import BlockedStep, Blocker, climbed
from domain.bookings.booking import Booking
from domain.bookings.carrying import (
    BookingFacts,
    BookingSession,
    CarryAct,
    CarryStep,
    next_carry,
)
from domain.bookings.policies.policy import BookingPolicy, LadderAct, LadderStep
from domain.bookings.states import BookingState
from journal.explain.bookings import LoggedBooking, explain_booking
from tests.unit.domain.bookings.asking import local
from tests.unit.domain.bookings.bookings_made import booking

MINUTE = timedelta(minutes=1)
STOPS = BookingPolicy(overstay=(LadderStep(LadderAct.STOP, MINUTE),))


@pytest.mark.parametrize(
    ("asked", "pause_min"), [(0, 1), (1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (999, 60)]
)
def test_the_pause_grows_with_each_stop(asked: int, pause_min: int) -> None:
    ended = AskedStop(local("14:00"))
    again = local("14:00") + pause_min * MINUTE
    assert stop_again_time(asked, ended) == again
    assert not asks_again(asked, ended, again - timedelta(seconds=1))
    assert asks_again(asked, ended, again)


@pytest.mark.parametrize("newest", [None, AskedStop()])
def test_nothing_is_asked_while_a_stop_is_under_way_or_none_was(newest: AskedStop | None) -> None:
    assert stop_again_time(1, newest) is None
    assert not asks_again(1, newest, local("23:00"))


def blocked(at: datetime, one: Booking, stop: AskedStop | None = None) -> BlockedStep:
    return climbed(one, STOPS, Blocker("t9", local("13:00"), "bert", stop=stop), at)


def test_who_is_in_the_way_is_asked_again_while_he_charges() -> None:
    first = blocked(local("14:01"), booking())
    assert first.stops
    assert first.booking.blocked is not None
    assert first.booking.blocked.stops == 1
    under_way = blocked(local("14:02"), first.booking, AskedStop())
    assert (under_way.stops, under_way.next_step) == (False, None)
    failed = AskedStop(local("14:02"))
    waits = blocked(local("14:02"), first.booking, failed)
    assert (waits.stops, waits.next_step) == (False, local("14:03"))
    again = blocked(local("14:03"), first.booking, failed)
    assert again.stops
    assert again.booking.blocked is not None
    assert again.booking.blocked.stops == 2


def test_a_policy_that_stops_nobody_asks_never() -> None:
    plain = BookingPolicy()
    step = climbed(booking(), plain, Blocker("t9", local("13:00"), "bert"), local("20:00"))
    assert not step.stops


def overstayed(at: str, stop: AskedStop | None, **fields: Any) -> CarryStep:
    state: dict[str, Any] = {"state": BookingState.OVERSTAYED, "transaction": "t1"}
    facts = BookingFacts(True, session=BookingSession("t1", stop=stop))
    return next_carry(booking(**{**state, **fields}), STOPS, facts, local(at))


def test_a_driver_who_stays_too_long_is_asked_again_while_he_charges() -> None:
    first = overstayed("15:01", None)
    assert (first.act, first.booking.stops) == (CarryAct.STOP, 1)
    done = {"ladder_done": 1, "stops": 1}
    assert overstayed("15:02", AskedStop(), **done).act is CarryAct.WAIT
    failed = AskedStop(local("15:02"))
    assert overstayed("15:02", failed, **done).act is CarryAct.WAIT
    again = overstayed("15:03", failed, **done)
    assert (again.act, again.booking.stops) == (CarryAct.STOP, 2)
    assert again.booking.progress == "There too long; asked to stop 2 times."


def test_the_story_tells_that_it_is_asked_again() -> None:
    first = blocked(local("14:01"), booking()).booking
    again = blocked(local("14:03"), first, AskedStop(local("14:02"))).booking
    told = [
        LoggedBooking(at, replace(one, revision=number))
        for number, (at, one) in enumerate(
            ((local("13:30"), booking()), (local("14:01"), first), (local("14:03"), again)), 1
        )
    ]
    said = [step.summary for step in explain_booking(told)]
    assert said[-2:] == [
        "Who is in its way is to be stopped.",
        "Who is in its way still charges, and is asked to stop again (2).",
    ]
