"""Who may charge where, and the ladder."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.bookings.enforcement import (
    CheckInVerdict,
    EntryVerdict,
    Kinship,
    PlaceEntry,
    Slot,
    best_entry,
    judge_check_in,
    judge_entry,
    kinship,
    ladder_due,
    longest_pause,
    next_step_time,
    no_show_time,
    slot_of,
)
from domain.bookings.policies.policy import BookingPolicy, LadderAct, LadderStep
from domain.bookings.states import BookingState
from domain.model.specs import IdToken
from tests.unit.domain.bookings.asking import local
from tests.unit.domain.bookings.bookings_made import booking

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
EARLY = 5 * MINUTE
ANNA, BERT, CLEO, DORA = ({name} for name in ("anna", "bert", "cleo", "dora"))
FIRM = {"emil", "firm"}
"""A token of Emil's, and its group."""


def slot(name: str, tokens: set[str], start: str, end: str, place: str) -> Slot:
    span = local(start), local(end)
    return Slot(name, frozenset(tokens), span[0] - EARLY, *span, place, chosen=True)


ANNAS = slot("annas", ANNA, "14:00", "15:00", "evse-1")
BERTS = slot("berts", BERT, "14:00", "15:00", "evse-2")
LATER = slot("later", BERT, "16:00", "17:00", "evse-1")
UNBOUND = replace(slot("unbound", CLEO, "14:00", "15:00", "evse-4"), chosen=False)
OF_FIRM = slot("of-firm", {"fritz", "firm"}, "14:00", "15:00", "evse-5")
ALL = [LATER, OF_FIRM, ANNAS, BERTS, UNBOUND]


@pytest.mark.parametrize(
    ("driver", "place", "at", "entry", "booking"),
    [
        (ANNA, "evse-1", "14:10", PlaceEntry.OWN_PLACE, "annas"),
        (ANNA, "evse-1", "13:55", PlaceEntry.OWN_PLACE, "annas"),
        (CLEO, "evse-4", "13:55", PlaceEntry.OWN_PLACE, "unbound"),
        (FIRM, "evse-5", "14:10", PlaceEntry.OWN_PLACE, "of-firm"),
        ({"firm"}, "evse-5", "14:10", PlaceEntry.OWN_PLACE, "of-firm"),
        (ANNA, "evse-3", "14:10", PlaceEntry.MOVE_HERE, "annas"),
        (CLEO, "evse-3", "14:10", PlaceEntry.MOVE_HERE, "unbound"),
        (ANNA, "evse-2", "13:56", PlaceEntry.ELSEWHERE, "annas"),
        (ANNA, "evse-4", "14:10", PlaceEntry.ELSEWHERE, "annas"),
        (DORA, "evse-1", "13:55", PlaceEntry.BOOKED, "annas"),
        (DORA, "evse-1", "14:10", PlaceEntry.BOOKED, "annas"),
        (DORA, "evse-4", "14:10", PlaceEntry.WALK_IN, ""),
        (DORA, "evse-1", "13:54", PlaceEntry.WALK_IN, ""),
        (DORA, "evse-1", "15:00", PlaceEntry.WALK_IN, ""),
        (ANNA, "evse-1", "13:00", PlaceEntry.WALK_IN, ""),
    ],
)
def test_a_driver_is_told_what_holds_at_the_place(
    driver: set[str], place: str, at: str, entry: PlaceEntry, booking: str
) -> None:
    said = judge_entry(ALL, driver, place, local(at))
    assert (said.entry, said.booking) == (entry, booking)
    allowed = {PlaceEntry.OWN_PLACE, PlaceEntry.MOVE_HERE, PlaceEntry.WALK_IN}
    assert said.may_charge is (entry in allowed)


@pytest.mark.parametrize(
    ("buffer_min", "entry"), [(0, PlaceEntry.MOVE_HERE), (10, PlaceEntry.ELSEWHERE)]
)
def test_nobody_moves_to_a_place_whose_next_booking_would_lose_its_pause(
    buffer_min: int, entry: PlaceEntry
) -> None:
    following = slot("next", {"zoe"}, "15:05", "16:00", "evse-3")
    said = judge_entry([ANNAS, following], ANNA, "evse-3", local("14:10"), buffer_min * MINUTE)
    assert (said.entry, said.booking) == (entry, "annas")


def test_who_comes_early_to_a_place_of_another_is_told_so() -> None:
    said = judge_entry([ANNAS, LATER], BERT, "evse-1", local("14:10"))
    assert said == EntryVerdict(PlaceEntry.TOO_EARLY, "annas")


def test_who_charges_has_no_second_place_by_the_same_booking() -> None:
    there = replace(ANNAS, in_use=True)
    walks_in = judge_entry([there, BERTS], ANNA, "evse-3", local("14:10"))
    refused = judge_entry([there, BERTS], ANNA, "evse-2", local("14:10"))
    assert walks_in.entry is PlaceEntry.WALK_IN
    assert refused.entry is PlaceEntry.BOOKED


def test_a_walk_in_is_told_until_when_the_place_is_free() -> None:
    said = judge_entry([ANNAS, LATER], CLEO, "evse-1", local("12:00"), 10 * MINUTE)
    assert said == EntryVerdict(PlaceEntry.WALK_IN, until=local("13:50"))
    assert judge_entry([], CLEO, "evse-1", local("12:00")).until is None


def test_a_card_is_refused_only_when_every_place_refuses_it() -> None:
    booked = EntryVerdict(PlaceEntry.BOOKED, "annas")
    free = EntryVerdict(PlaceEntry.WALK_IN)
    assert best_entry([booked, free]) == free
    assert best_entry([booked, booked]) == booked


@pytest.mark.parametrize(
    ("state", "opens", "chosen", "in_use"),
    [
        (BookingState.CONFIRMED, "13:55", False, False),
        (BookingState.BOUND, "13:55", True, False),
        (BookingState.HELD, "13:50", True, False),
        (BookingState.IN_USE, "13:50", True, True),
    ],
)
def test_what_a_station_holds_is_for_its_driver_from_then_on(
    state: BookingState, opens: str, chosen: bool, in_use: bool
) -> None:
    group = IdToken("Central", "****", "sealed", "firm")
    known = booking(start="14:00", end="15:00", state=state, place="s/1", group_id_token=group)
    expected = slot(known.name, set(known.digests), "14:00", "15:00", "s/1")
    flags = {"chosen": chosen, "in_use": in_use, "opens": local(opens)}
    assert slot_of(known, POLICY) == replace(expected, **flags)  # type: ignore[arg-type]
    assert "firm" in known.digests


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
    assert no_show_time(POLICY, booking("14:00", "15:00")) == local("14:15")
    assert no_show_time(POLICY, booking("14:00", "14:10")) == local("14:10")


@pytest.mark.parametrize(("came", "until"), [("13:50", "14:15"), ("14:10", "14:25")])
def test_who_checks_in_has_the_whole_grace_from_then_on(came: str, until: str) -> None:
    known = booking("14:00", "15:00", check_in_time=local(came))
    assert no_show_time(POLICY, known) == local(until)


@pytest.mark.parametrize(
    ("state", "at", "verdict"),
    [
        (BookingState.CANCELLED, "13:40", CheckInVerdict.ENDED),
        (BookingState.PENDING, "13:40", CheckInVerdict.NOT_CONFIRMED),
        (BookingState.CONFIRMED, "13:29", CheckInVerdict.TOO_EARLY),
        (BookingState.CONFIRMED, "13:30", CheckInVerdict.FITS),
        (BookingState.BOUND, "13:00", CheckInVerdict.FITS),
    ],
)
def test_a_driver_checks_in_when_an_evse_is_or_should_be_chosen(
    state: BookingState, at: str, verdict: CheckInVerdict
) -> None:
    assert judge_check_in(booking(state=state), POLICY, local(at)) is verdict


# --- one booking after the other

BERTS_CARD = IdToken("ISO14443", "****rt", "sealed", "bert")
OUR_GROUP = IdToken("ISO14443", "****up", "sealed", "group")


@pytest.mark.parametrize(
    ("after", "shown", "kin"),
    [
        ({}, set(), Kinship.DRIVER),
        ({"id_token": BERTS_CARD}, {"bert"}, Kinship.DRIVER),
        ({"id_token": BERTS_CARD}, {"anna"}, None),
        ({"id_token": BERTS_CARD, "account": "ours"}, set(), Kinship.PARTY),
        ({"id_token": BERTS_CARD, "account": "theirs"}, set(), None),
        ({"id_token": BERTS_CARD, "group_id_token": OUR_GROUP}, {"group"}, Kinship.PARTY),
        ({"id_token": BERTS_CARD, "group_id_token": OUR_GROUP}, set(), None),
    ],
)
def test_who_may_go_on_into_the_next_booking_is_its_driver_or_of_his_party(
    after: dict[str, Any], shown: set[str], kin: Kinship | None
) -> None:
    assert kinship(booking(account="ours"), booking("15:00", "16:00", **after), shown) is kin


def test_two_strangers_without_an_account_are_no_party() -> None:
    assert kinship(booking(), booking("15:00", "16:00", id_token=BERTS_CARD), set()) is None


def test_a_session_may_go_on_over_the_pause_that_nobody_else_can_use() -> None:
    assert longest_pause(POLICY) == 10 * MINUTE
