"""A reservation of ours that the station's own back end (CSMS) ended."""

import pytest

from domain.reservations.facts import ReservationEvidence
from domain.reservations.observing import observe
from domain.reservations.reservation import Reservation, ReservationState
from domain.reservations.transitions import EndCause
from tests.unit.domain.holds import hold, known
from tests.unit.domain.situations import at


def test_what_the_back_end_cancelled_is_lost_and_not_made_again() -> None:
    seen = observe(hold(), known(back_end_time=at(5), place=None), at(6))
    assert (seen.state, seen.cause) == (
        ReservationState.LOST,
        EndCause.CANCELLED_BY_BACK_END,
    )


@pytest.mark.parametrize(
    ("held", "facts"),
    [
        pytest.param(hold(hold_time=at(9)), known(back_end_time=at(5)), id="held again since"),
        pytest.param(hold(hold_time=None), known(back_end_time=at(5)), id="never held"),
        pytest.param(hold(), known(), id="nothing was cancelled"),
    ],
)
def test_a_reservation_that_was_not_cancelled_since_goes_on(
    held: Reservation, facts: ReservationEvidence
) -> None:
    assert not observe(held, facts, at(10)).ended
