"""A shorter pause between two bookings is for new ones: those that stand keep what they have."""

from datetime import timedelta

import pytest

from domain.bookings.admission import BookablePool, chances, decide
from domain.bookings.displacement import plan_anew
from domain.bookings.plan import Planned
from domain.bookings.policies.policy import BookingPolicy
from domain.bookings.pool import PoolClosure
from domain.bookings.spans import Span
from domain.bookings.standing import standing_of
from domain.bookings.states import BookingState
from tests.unit.domain.bookings.asking import BERLIN, local
from tests.unit.domain.bookings.bookings_made import booking, pool

MINUTE = timedelta(minutes=1)
PROMISED = booking(pause=30 * MINUTE)
"""From 14:00 to 15:00, made when the pause was half an hour; it is five minutes now."""


def venue(evses: int = 1, **fields: object) -> BookablePool:
    return BookablePool(pool(evses, **fields), BookingPolicy(buffer=5 * MINUTE), BERLIN)


@pytest.mark.parametrize(
    ("start", "is_taken"), [("15:05", False), ("15:29", False), ("15:30", True)]
)
def test_a_booking_keeps_the_pause_after_it_that_it_was_promised(
    start: str, is_taken: bool
) -> None:
    new = booking(start, "18:00", name="new", place="")
    for one in (PROMISED, standing_of(PROMISED)):
        assert isinstance(decide(venue(), new, [one]).room, Planned) is is_taken
        (chance,) = chances(venue(), new, [one], [Span(new.start_time, new.end_time)])
        assert chance.available is is_taken


@pytest.mark.parametrize(("end", "is_taken"), [("13:56", False), ("13:55", True)])
def test_what_comes_before_it_has_the_pause_of_now(end: str, is_taken: bool) -> None:
    new = booking("13:00", end, name="new", place="")
    assert isinstance(decide(venue(), new, [PROMISED]).room, Planned) is is_taken


def test_it_keeps_the_pause_when_it_is_moved_or_made_longer() -> None:
    later = booking("16:00", "17:00", name="later")
    longer = booking("14:00", "15:31", name=PROMISED.name, pause=30 * MINUTE)
    assert not isinstance(decide(venue(), longer, [later], was=PROMISED).room, Planned)
    fits = booking("14:00", "15:30", name=PROMISED.name, pause=30 * MINUTE)
    assert isinstance(decide(venue(), fits, [later], was=PROMISED).room, Planned)
    closed = PoolClosure(local("13:00"), local("15:30"), frozenset({"S/1"}))
    soon = booking("15:10", "16:00", name="soon", place="S/2", state=BookingState.BOUND)
    anew = plan_anew(venue(2, closures=(closed,)), [PROMISED, soon])
    assert anew.displaced == (PROMISED.name,)


def test_two_that_stand_nearer_than_that_keep_their_places() -> None:
    near = booking("15:10", "16:00", name="near")
    assert plan_anew(venue(), [PROMISED, near]).displaced == ()
    new = booking("17:00", "18:00", name="new", place="")
    assert isinstance(decide(venue(), new, [PROMISED, near]).room, Planned)
