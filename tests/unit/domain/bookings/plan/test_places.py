"""Places, needs, and which places are equal."""

import pytest

from domain.bookings.places import Needs, kinds_of, replaces, serves
from tests.unit.domain.bookings.plan.pools import needs, place


@pytest.mark.parametrize(
    ("what", "is_served"),
    [
        (needs(), True),
        (needs("CCS"), True),
        (needs("CCS NACS"), True),
        (needs("NACS"), False),
        (needs("CCS", 150), True),
        (needs("CCS", 151), False),
        (needs("CCS", 150, "roof"), True),
        (needs("", 0, "roof trailer"), False),
    ],
)
def test_a_place_serves_whom_it_has_everything_for(what: Needs, is_served: bool) -> None:
    assert serves(place("a", "CCS Type2", 150, "roof"), what) is is_served


@pytest.mark.parametrize(
    ("what", "is_served"), [(needs("CCS"), True), (needs("CCS", 51), False), (needs(), True)]
)
def test_a_place_that_says_no_connector_types_serves_any_type(what: Needs, is_served: bool) -> None:
    assert serves(place("a", "", 50), what) is is_served


def test_a_place_for_any_type_replaces_others_and_only_such_a_one_replaces_it() -> None:
    anything = place("a", "", 50)
    assert replaces(anything, place("b", "CCS", 50))
    assert replaces(anything, place("b", "", 50))
    assert not replaces(place("b", "CCS Type2", 150), anything)


def test_equal_places_are_one_kind_and_the_most_capable_kind_is_last() -> None:
    kinds = kinds_of(
        [
            place("a", "CCS", 150),
            place("b", "CCS", 50),
            place("d", "CCS", 50),
            place("c", "CCS", 50, "roof"),
        ]
    )
    assert [(each.ids, each.count) for each in kinds] == [(("b", "d"), 2), (("c",), 1), (("a",), 1)]


def test_a_place_replaces_who_has_no_more_of_anything() -> None:
    assert replaces(place("a", "CCS Type2", 150, "roof"), place("b", "CCS", 150))
    assert not replaces(place("a", "CCS", 150), place("b", "CCS", 151))
    assert not replaces(place("a", "CCS", 150), place("b", "NACS", 50))
    assert not replaces(place("a", "CCS", 150), place("b", "CCS", 50, "roof"))


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (needs(), "a place"),
        (needs("CCS", 150), "CCS of 150 kW"),
        (needs("NACS CCS", 7, "trailer roof"), "CCS or NACS of 7 kW with roof and trailer"),
        (Needs(frozenset(), 7400), "a place of 7.4 kW"),
    ],
)
def test_needs_are_said_in_words(what: Needs, words: str) -> None:
    assert str(what) == words
