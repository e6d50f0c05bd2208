"""The table of a booking's states."""

import pytest

from domain.bookings.states import (
    BOOKING_CORRECTIONS,
    BOOKING_ENDINGS,
    BOOKING_ENDS,
    BOOKING_TRANSITIONS,
    BookingCause,
    BookingState,
    booking_may_be_corrected,
    booking_may_become,
)


def test_the_table_is_total_and_every_end_is_final() -> None:
    assert set(BOOKING_TRANSITIONS) == set(BookingState)
    assert {state for state, after in BOOKING_TRANSITIONS.items() if not after} == BOOKING_ENDS


def test_every_state_can_be_reached() -> None:
    reached, seen = {BookingState.PENDING}, set[BookingState]()
    while reached - seen:
        state = (reached - seen).pop()
        seen.add(state)
        reached |= BOOKING_TRANSITIONS[state]
    assert seen == set(BookingState)


@pytest.mark.parametrize("cause", BookingCause)
def test_every_cause_ends_a_booking_with_a_sentence(cause: BookingCause) -> None:
    state, sentence = BOOKING_ENDINGS[cause]
    assert state in BOOKING_ENDS
    assert sentence.endswith(".")


def test_nothing_but_use_and_doubt_corrects_an_end() -> None:
    assert set(BOOKING_CORRECTIONS) == {BookingState.NO_SHOW, BookingState.EXPIRED}
    assert booking_may_be_corrected(BookingState.NO_SHOW, BookingState.FULFILLED)
    assert not booking_may_be_corrected(BookingState.EXPIRED, BookingState.NO_SHOW)
    assert not booking_may_be_corrected(BookingState.CANCELLED, BookingState.FULFILLED)


def test_a_booking_in_use_is_not_taken_away() -> None:
    assert not booking_may_become(BookingState.IN_USE, BookingState.DISPLACED)
    assert booking_may_become(BookingState.HELD, BookingState.BOUND)
