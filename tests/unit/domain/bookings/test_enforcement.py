"""Who may charge where, and the ladder."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.bookings.enforcement import (
    MAY_CHARGE,
    EntryVerdict,
    PlaceEntry,
    Slot,
    is_for,
    judge_entry,
    ladder_due,
    next_step_time,
    no_show_time,
)
from domain.bookings.policies.policy import BookingPolicy, LadderAct, LadderStep
from domain.bookings.policies.requests import Holder
from tests.unit.domain.bookings.asking import local

MINUTE = timedelta(minutes=1)
POLICY = BookingPolicy(
    grace=15 * MINUTE,
    early_start=5 * MINUTE,
    late_stop=5 * MINUTE,
    buffer=10 * MINUTE,
    overstay=(
        LadderStep(LadderAct.TELL, 0 * MINUTE),
        LadderStep(LadderAct.CHARGE, 10 * MINUTE),
        LadderStep(LadderAct.STOP, 20 * MINUTE),
    ),
)
ANNA, BERT, CLEO = Holder("anna"), Holder("bert"), Holder("cleo")


def slot(name: str, holder: Holder, start: str, end: str, place: str) -> Slot:
    return Slot(name, holder, local(start), local(end), place)


ANNAS = slot("annas", ANNA, "14:00", "15:00", "evse-1")
BERTS = slot("berts", BERT, "14:00", "15:00", "evse-2")
LATER = slot("later", BERT, "16:00", "17:00", "evse-1")
UNBOUND = slot("unbound", CLEO, "14:00", "15:00", "")


@pytest.mark.parametrize(
    ("driver", "place", "at", "entry", "booking"),
    [
        (ANNA, "evse-1", "14:10", PlaceEntry.OWN_PLACE, "annas"),
        (ANNA, "evse-1", "13:55", PlaceEntry.OWN_PLACE, "annas"),
        (ANNA, "evse-3", "14:10", PlaceEntry.MOVE_HERE, "annas"),
        (ANNA, "evse-2", "13:56", PlaceEntry.MOVE_HERE, "annas"),
        (ANNA, "evse-2", "14:10", PlaceEntry.BOOKED, "annas"),
        (CLEO, "evse-3", "14:10", PlaceEntry.MOVE_HERE, "unbound"),
        (Holder("dora"), "evse-1", "14:10", PlaceEntry.BOOKED, "annas"),
        (BERT, "evse-1", "14:59", PlaceEntry.BOOKED, "berts"),
        (Holder("dora"), "evse-3", "14:10", PlaceEntry.WALK_IN, ""),
        (ANNA, "evse-1", "13:00", PlaceEntry.WALK_IN, ""),
    ],
)
def test_a_driver_is_told_what_holds_at_the_place(
    driver: Holder, place: str, at: str, entry: PlaceEntry, booking: str
) -> None:
    said = judge_entry(POLICY, [ANNAS, BERTS, LATER, UNBOUND], driver, place, local(at))
    assert (said.entry, said.booking) == (entry, booking)


def test_who_comes_early_to_a_place_of_another_is_told_so() -> None:
    said = judge_entry(POLICY, [ANNAS, LATER], BERT, "evse-1", local("14:10"))
    assert said == EntryVerdict(PlaceEntry.TOO_EARLY, "annas")
    assert said.entry not in MAY_CHARGE


def test_a_place_whose_driver_is_on_the_way_is_not_given_away() -> None:
    fixed = replace(BERTS, fixed=True)
    said = judge_entry(POLICY, [ANNAS, fixed], ANNA, "evse-2", local("13:56"))
    assert said.entry is PlaceEntry.BOOKED


def test_a_walk_in_is_told_until_when_the_place_is_free() -> None:
    said = judge_entry(POLICY, [ANNAS, LATER], CLEO, "evse-1", local("12:00"))
    assert said == EntryVerdict(PlaceEntry.WALK_IN, until=local("13:50"))
    assert judge_entry(POLICY, [], CLEO, "evse-1", local("12:00")).until is None


@pytest.mark.parametrize(
    ("holder", "driver", "meant"),
    [
        (Holder("a"), Holder("a"), True),
        (Holder("a"), Holder("b"), False),
        (Holder("a", "firm"), Holder("b", "firm"), True),
        (Holder("", "firm"), Holder("b", "firm"), True),
        (Holder("", ""), Holder("", ""), False),
    ],
)
def test_a_booking_is_used_by_its_token_or_its_account(
    holder: Holder, driver: Holder, meant: bool
) -> None:
    assert is_for(holder, driver) is meant


@pytest.mark.parametrize(
    ("at", "done", "acts"),
    [
        ("15:04", 0, []),
        ("15:05", 0, [LadderAct.TELL]),
        ("15:15", 1, [LadderAct.CHARGE]),
        ("15:30", 0, [LadderAct.TELL, LadderAct.CHARGE, LadderAct.STOP]),
        ("15:30", 3, []),
    ],
)
def test_the_ladder_is_climbed_step_by_step(at: str, done: int, acts: list[LadderAct]) -> None:
    due = ladder_due(POLICY, local("15:00"), done, local(at))
    assert [each.act for each in due] == acts


def test_the_next_step_has_a_time() -> None:
    assert next_step_time(POLICY, local("15:00"), 1) == local("15:15")
    assert next_step_time(POLICY, local("15:00"), 3) is None


def test_a_place_is_kept_for_the_grace_and_not_beyond_the_end() -> None:
    assert no_show_time(POLICY, local("14:00"), local("15:00")) == local("14:15")
    assert no_show_time(POLICY, local("14:00"), local("14:10")) == local("14:10")
