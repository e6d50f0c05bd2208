"""Each state and each end of a booking has its word in OCPI, and back."""

import pytest

from domain.bookings.ocpi.statuses import (
    CANCELLATIONS,
    CanceledReason,
    Cancellation,
    PartyRole,
    RequestStatus,
    ReservationStatus,
    cancellation_of,
    reason_of,
    request_status_of,
    states_of,
    status_of,
)
from domain.bookings.states import BOOKING_ENDINGS, BookingCause, BookingState
from tests.unit.domain.bookings.bookings_made import booking


@pytest.mark.parametrize("state", BookingState)
def test_a_state_is_among_those_of_its_status(state: BookingState) -> None:
    assert state in states_of(status_of(booking(state=state)))


@pytest.mark.parametrize("status", ReservationStatus)
def test_every_status_of_ocpi_has_a_state(status: ReservationStatus) -> None:
    assert states_of(status)


@pytest.mark.parametrize("cause", BookingCause)
def test_an_end_is_told_with_who_ended_it_if_somebody_did(cause: BookingCause) -> None:
    ended = booking(state=BOOKING_ENDINGS[cause][0], cause=cause.value)
    cancelled = cancellation_of(ended)
    assert ended.state in states_of(status_of(ended))
    assert cancelled == CANCELLATIONS.get(cause)
    assert (cancelled is not None) is (status_of(ended) is ReservationStatus.CANCELED)


def test_a_use_that_is_not_known_is_no_no_show_and_no_failure() -> None:
    ended = booking(state=BookingState.EXPIRED, cause="USE_NOT_KNOWN")
    assert status_of(ended) is ReservationStatus.UNKNOWN


def test_one_that_was_not_confirmed_in_time_has_failed() -> None:
    ended = booking(state=BookingState.EXPIRED, cause="NOT_CONFIRMED_IN_TIME")
    assert status_of(ended) is ReservationStatus.FAILED
    assert request_status_of(ended) is RequestStatus.FAILED


def test_a_session_that_began_has_fulfilled_the_booking() -> None:
    assert status_of(booking(state=BookingState.IN_USE)) is ReservationStatus.FULFILLED


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (BookingState.PENDING, RequestStatus.PENDING),
        (BookingState.CONFIRMED, RequestStatus.ACCEPTED),
        (BookingState.CANCELLED, RequestStatus.ACCEPTED),
        (BookingState.REJECTED, RequestStatus.DECLINED),
    ],
)
def test_what_became_of_a_request_is_not_what_became_of_its_booking(
    state: BookingState, told: RequestStatus
) -> None:
    assert request_status_of(booking(state=state)) is told


@pytest.mark.parametrize("reason", CanceledReason)
def test_the_reason_of_another_party_goes_back_as_it_came(reason: CanceledReason) -> None:
    told = Cancellation(reason, PartyRole.EMSP)
    ended = booking(
        state=BookingState.CANCELLED,
        cause="CANCELLED_BY_HOLDER",
        cancel_reason=reason_of(told),
    )
    assert cancellation_of(ended) == told


def test_the_reason_of_a_human_is_no_word_of_ocpi() -> None:
    ended = booking(state=BookingState.CANCELLED, cause="CANCELLED_BY_HOLDER", cancel_reason="FULL")
    assert cancellation_of(ended) == Cancellation(CanceledReason.NO_CANCELED, PartyRole.EMSP)


def test_an_end_with_a_word_of_a_newer_version_is_told_without_a_reason() -> None:
    ended = booking(state=BookingState.DISPLACED, cause="FLOODED")
    assert cancellation_of(ended) == Cancellation(CanceledReason.UNKNOWN, PartyRole.CPO)
