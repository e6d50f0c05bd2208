"""A longer pause between two bookings is for new ones: those that stand keep what they have."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.bookings.admission import BookablePool, chances, decide, room_for
from domain.bookings.displacement import plan_anew
from domain.bookings.plan import Planned
from domain.bookings.policies.policy import BookingPolicy
from domain.bookings.spans import Span
from domain.bookings.states import BookingState
from tests.unit.domain.bookings.asking import BERLIN, local
from tests.unit.domain.bookings.bookings_made import booking, pool

BEFORE, AFTER = booking(), booking("15:05", "16:00")
"""Two on one EVSE, five minutes apart; the policy has half an hour now."""


def venue(evses: int = 1) -> BookablePool:
    return BookablePool(pool(evses), BookingPolicy(buffer=timedelta(minutes=30)), BERLIN)


def test_a_pool_whose_pauses_became_longer_takes_bookings_as_before() -> None:
    new = booking("17:00", "18:00", name="new", place="")
    assert isinstance(decide(venue(), new, [BEFORE, AFTER]).room, Planned)


@pytest.mark.parametrize(("start", "is_taken"), [("16:10", False), ("16:30", True)])
def test_a_new_booking_keeps_the_longer_pause(start: str, is_taken: bool) -> None:
    new = booking(start, "18:00", name="new", place="")
    assert isinstance(decide(venue(), new, [BEFORE, AFTER]).room, Planned) is is_taken
    span = Span(new.start_time, new.end_time)
    (chance,) = chances(venue(), new, [BEFORE, AFTER], [span])
    assert chance.available is is_taken


@pytest.mark.parametrize("state", [BookingState.CONFIRMED, BookingState.BOUND])
def test_nobody_is_displaced_by_a_longer_pause(state: BookingState) -> None:
    some = [replace(BEFORE, state=state), AFTER]
    anew = plan_anew(venue(), some)
    assert (anew.displaced, anew.places) == ((), {})


def test_a_booking_that_gets_its_evse_keeps_the_pause_that_it_has() -> None:
    others = [BEFORE, booking("14:00", "16:30", name="beside", place="S/2")]
    free = replace(AFTER, place="")
    assert not isinstance(room_for(venue(2), free, others), Planned)
    assert isinstance(room_for(venue(2), free, [*others, AFTER]), Planned)


@pytest.mark.parametrize(
    ("start", "end", "is_taken"),
    [
        ("15:05", "17:00", True),
        ("15:05", "17:10", False),
        ("15:01", "16:00", False),
        ("15:10", "15:50", True),
    ],
)
def test_a_changed_booking_keeps_the_pause_before_it(start: str, end: str, is_taken: bool) -> None:
    later = booking("17:30", "18:00", name="later")
    changed = replace(AFTER, start_time=local(start), end_time=local(end))
    said = decide(venue(), changed, [BEFORE, later], was=AFTER)
    assert isinstance(said.room, Planned) is is_taken


def test_bookings_that_overlap_as_it_is_are_no_reason_for_a_pause_of_less_than_nothing() -> None:
    fixed = {"state": BookingState.IN_USE}
    some = [booking(**fixed), booking("14:50", "16:00", **fixed)]
    new = booking("16:10", "17:00", name="new", place="")
    assert not isinstance(decide(venue(), new, some).room, Planned)
