"""Which events there are, who chose them, and how they are numbered."""

from enum import StrEnum

import pytest

from domain.bookings.states import BookingState
from domain.bookings.waitlist import WaitState
from domain.callback_events import (
    CHOICES,
    CHOICES_LIMIT,
    EVENT_TYPES,
    PASSING,
    EventSubject,
    event_id,
    is_chosen,
    next_sequence,
    subjects_of,
    thread_id,
    type_of_change,
    type_of_states,
    wants_commands,
)
from domain.callbacks import NewsKind, Waiting, pick
from domain.reservations.reservation import ENDS, ReservationState
from fleet.log.changes import SessionChanged, StationChanged

STATION, TRANSACTION, RESERVATION, BOOKING, WAITLIST = EventSubject


def test_every_change_that_a_watch_tells_is_an_event() -> None:
    told = [
        *(type_of_change(STATION, each.value) for each in StationChanged),
        *(type_of_change(TRANSACTION, each.value) for each in SessionChanged),
        *(type_of_states(RESERVATION, None, each) for each in ReservationState),
        type_of_states(RESERVATION, ReservationState.HELD, ReservationState.HELD),
        *(type_of_states(BOOKING, None, each) for each in BookingState),
        type_of_states(BOOKING, BookingState.HELD, BookingState.HELD),
        *(type_of_states(WAITLIST, None, each) for each in WaitState),
        type_of_states(WAITLIST, WaitState.WAITING, WaitState.WAITING),
    ]
    assert sorted(told) == sorted(EVENT_TYPES)


def test_a_kind_chooses_its_types_and_no_other() -> None:
    chosen = [each for each in EVENT_TYPES if is_chosen(["station.*"], each)]
    assert chosen == [each for each in EVENT_TYPES if each.startswith("station.")]


def test_a_type_chooses_itself_alone() -> None:
    chosen = [each for each in EVENT_TYPES if is_chosen(["transaction.ended"], each)]
    assert chosen == ["transaction.ended"]


def test_a_type_that_will_be_added_is_of_its_kind() -> None:
    assert is_chosen(["reservation.*"], "reservation.scheduled")
    assert not is_chosen(["reservation.held"], "reservation.scheduled")


def test_who_chooses_nothing_gets_commands_alone() -> None:
    assert wants_commands([])
    assert subjects_of([]) == frozenset()
    assert not any(is_chosen([], each) for each in EVENT_TYPES)


def test_who_chooses_events_gets_commands_only_by_choosing_them() -> None:
    assert not wants_commands(["station.*"])
    assert wants_commands(["station.*", "command.*"])
    assert subjects_of(["command.*", "transaction.ended"]) == {TRANSACTION}


def test_every_choice_fits_into_one_list() -> None:
    assert len(CHOICES) == len(set(CHOICES)) <= CHOICES_LIMIT


@pytest.mark.parametrize("state", ReservationState)
def test_a_reservation_is_told_by_its_state_and_otherwise_as_updated(
    state: ReservationState,
) -> None:
    assert type_of_states(RESERVATION, None, state) == f"reservation.{state.value.lower()}"
    assert type_of_states(RESERVATION, state, state) == "reservation.updated"


@pytest.mark.parametrize(("subject", "states"), [(BOOKING, BookingState), (WAITLIST, WaitState)])
def test_every_state_is_told_and_only_an_update_may_be_replaced(
    subject: EventSubject, states: type[StrEnum]
) -> None:
    told = {type_of_states(subject, None, each) for each in states}
    assert told.isdisjoint(PASSING)
    first = next(iter(states))
    assert type_of_states(subject, first, first) in PASSING


def test_what_begins_and_what_ends_is_never_replaced() -> None:
    lasting = {"station.created", "station.deleted", "transaction.started", "transaction.ended"}
    lasting |= {type_of_states(RESERVATION, None, each) for each in (*ENDS, ReservationState.HELD)}
    assert lasting.isdisjoint(PASSING)
    waiting = [Waiting(1, "transaction.ended"), Waiting(2, "transaction.updated")]
    assert pick(waiting, tried=1).next == waiting[0]


def test_what_passes_gives_way_to_newer_events_while_it_is_retried() -> None:
    waiting = [
        Waiting(4, "station.disconnected"),
        Waiting(7, "station.connected"),
        Waiting(9, "station.deleted"),
        Waiting(12, "station.created"),
    ]
    assert pick(waiting, tried=0).next == waiting[0]
    picked = pick(waiting, tried=4)
    assert (picked.next, picked.replaced) == (waiting[2], (4, 7))
    assert pick([Waiting(1, NewsKind.STATE), waiting[0]], tried=1).replaced == (1,)


@pytest.mark.parametrize(
    ("place", "last", "number"), [(5, 0, 5), (9, 5, 9), (8, 9, 10), (9, 9, 10)]
)
def test_a_later_event_has_a_higher_number(place: int, last: int, number: int) -> None:
    assert next_sequence(place, last) == number


def test_ids_stay_and_differ_by_everything_that_makes_the_post() -> None:
    thread = thread_id("desk", STATION, "CP-1")
    assert thread == thread_id("desk", STATION, "CP-1")
    others = {thread_id("desk", TRANSACTION, "CP-1"), thread_id("des", STATION, "kCP-1")}
    assert thread not in others
    ids = {event_id(tenant, thread, n) for tenant in ("acme", "other") for n in (1, 2)}
    assert len(ids) == 4
    assert event_id("acme", thread, 1) in ids
