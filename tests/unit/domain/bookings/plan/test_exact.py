"""The exact search."""

from dataclasses import replace

from domain.bookings.plan import Ask
from domain.bookings.planning.admission import furnished
from domain.bookings.planning.exact import ExactSearch
from tests.unit.domain.bookings.plan.pools import ask, needs, place, pool

POOL = pool(place("a", "A"), place("b", "B"))


def _search(states: int, *asks: Ask) -> tuple[bool, ExactSearch]:
    room, homeless = furnished(replace(POOL, asks=asks))
    exact = ExactSearch(room, states)
    found = exact.place(homeless)
    assert len(room.where) == (len(asks) if found else 0)
    return found, exact


def test_a_choice_is_taken_back_when_it_leaves_no_place_for_a_later_one() -> None:
    found, exact = _search(10, ask("x", 8, 10), ask("y", 9, 11, needs("A")))
    assert found
    assert exact.room.where == {"x": 1, "y": 0}


def test_a_position_that_failed_is_not_tried_again() -> None:
    asks = ask("x", 8, 9), ask("y", 10, 11, needs("A")), ask("z", 10, 11, needs("A"))
    found, exact = _search(10, *asks)
    assert not found
    assert exact.states == 10 - 3


def test_a_search_ends_with_its_states() -> None:
    found, exact = _search(1, ask("x", 8, 9), ask("y", 10, 11, needs("A")))
    assert (found, exact.states) == (False, 0)
