"""The judge of what is lost or happens twice says what it sees; a planted double is found."""

from typing import Any

import pytest

from fleet import event_posts
from tests.simulation.bookings.kills.killing import KilledYard
from tests.simulation.bookings.kills.once import Change, Post, told_once
from tests.simulation.bookings.stage import PoolStage
from tests.simulation.repeatable.virtual_time import BEGIN
from tests.simulation.station.truth import TrueHold

NAME = "b-1"


def found(
    *states: str,
    posts: tuple[int, ...] | None = None,
    holds: dict[int, str] | None = None,
    first: int = 1,
) -> str:
    """The lies about a booking that had these states. posts: the revisions that were told."""
    history = [
        Change(number, {"state": state, "revision": number})
        for number, state in enumerate(states, first)
    ]
    told = tuple(each.revision for each in history) if posts is None else posts
    numbers = holds or {}
    taken = [TrueHold(each, 1, "ANNA", "", "m1", BEGIN, None) for each in numbers]
    lies = told_once(
        {NAME: history},
        [Post(NAME, each, "booking.updated") for each in told],
        {NAME: numbers},
        taken,
    )
    return "; ".join(lies)


def test_a_booking_that_is_kept_and_told_once_is_no_lie() -> None:
    assert not found("CONFIRMED", "BOUND", "HELD", "IN_USE", "FULFILLED", holds={7: "S/1"})
    assert not found("CONFIRMED", "NO_SHOW", "IN_USE", "FULFILLED")
    assert not found("CONFIRMED", "BOUND", "FULFILLED", holds={7: "S/1", 8: "S/2"})


@pytest.mark.parametrize(
    ("lie", "case"),
    [
        ("revision 2 of booking b-1 is told 0 times", {"posts": (1,)}),
        ("revision 1 of booking b-1 is told 2 times", {"posts": (1, 1, 2)}),
        ("was held 2 times at S/1", {"holds": {7: "S/1", 8: "S/1"}}),
        ("has the revisions [2, 3]", {"first": 2}),
    ],
)
def test_what_is_lost_or_doubled_is_a_lie(lie: str, case: dict[str, Any]) -> None:
    assert lie in found("CONFIRMED", "FULFILLED", **case)


def test_a_second_end_and_a_change_of_nothing_are_lies() -> None:
    assert "ended as ['CANCELLED', 'FULFILLED']" in found("CONFIRMED", "CANCELLED", "FULFILLED")
    assert "revision 2 of booking b-1 changes nothing" in found("BOUND", "BOUND")


def test_an_event_that_is_made_without_its_place_in_the_log_is_found(
    yard: PoolStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stays(*_: Any) -> bool:
        """The place is not moved with the post: who starts anew finds the event again."""
        return True

    monkeypatch.setattr(event_posts, "move", stays)
    assert any("is told 3 times" in lie for lie in yard.play(1, KilledYard).lies)
