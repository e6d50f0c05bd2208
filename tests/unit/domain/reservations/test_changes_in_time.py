"""A change to an end that passes while its station is asked is decided, and never spun on."""

import pytest

from domain.evidence.frames import ReservationFrame
from domain.limits import CLOCK_SLIP, FRAME_PAUSE
from domain.model.answers import StationAnswer, Verdict
from domain.reservations.next_step import ReservationAct, next_step
from domain.reservations.observing import observe
from domain.reservations.reservation import ChangeState
from tests.unit.domain.holds import change, frame, hold, known, yes
from tests.unit.domain.situations import at

END_S = 15.0
"""When the reservation is to end by the change."""

DECIDED_S = END_S + CLOCK_SLIP.total_seconds()

SOONER = hold(change=change(expire_time=at(END_S)))

FAILED = StationAnswer(Verdict.FAILED, "")
"""An error in place of an answer: the station may be asked again."""

UNDECIDED = [
    ("no answer", (frame(1, 10, over=True),)),
    ("an error", (frame(1, 10, FAILED),)),
]


@pytest.mark.parametrize("frames", [f for _, f in UNDECIDED], ids=[name for name, _ in UNDECIDED])
def test_a_change_that_was_asked_for_is_unknown(frames: tuple[ReservationFrame, ...]) -> None:
    """It cannot be asked for any more, and the old hold has to be made sure of."""
    after = observe(SOONER, known(holds=frames, attempts=1), at(DECIDED_S))
    assert after.change is not None
    assert (after.change.state, after.change.cause) == (ChangeState.UNKNOWN, "ANSWER_TIMEOUT")
    assert after.doubt_attempt == 2


def test_a_change_that_was_never_asked_for_is_refused() -> None:
    """The station heard nothing, so the old hold stands."""
    after = observe(SOONER, known(), at(DECIDED_S))
    assert after.change is not None
    assert (after.change.state, after.change.cause) == (ChangeState.REFUSED, "NOT_AFTER_PASSED")
    assert after.doubt_time is None


def test_an_answer_that_is_under_way_is_waited_for() -> None:
    """Nothing is known before it."""
    facts = known(holds=(frame(1, 10),), attempts=1)
    assert observe(SOONER, facts, at(DECIDED_S)) == SOONER


def test_a_yes_is_a_yes_however_late() -> None:
    """Then the end of the change is the reservation's own, and it is over."""
    facts = known(holds=(yes(1, 10),), attempts=1)
    after = observe(SOONER, facts, at(DECIDED_S))
    assert after.change is not None
    assert after.change.state is ChangeState.ACCEPTED
    assert after.ended


def test_nothing_is_written_once_the_asked_end_has_come() -> None:
    """A gateway would not write it: the step would be taken again and again."""
    step = next_step(SOONER, known(), at(END_S))
    assert (step.act, step.look_again) == (ReservationAct.WAIT, at(DECIDED_S))


def test_it_is_written_until_then() -> None:
    assert next_step(SOONER, known(), at(END_S - 0.1)).act is ReservationAct.CHANGE


def test_a_repeat_that_would_come_too_late_is_not_waited_for_longer() -> None:
    """The pause after an error may reach over the asked end."""
    facts = known(holds=(frame(1, END_S - 2, FAILED),), attempts=1)
    step = next_step(SOONER, facts, at(END_S - 1))
    assert (step.act, step.look_again) == (ReservationAct.WAIT, at(DECIDED_S))


def test_a_change_of_the_place_alone_has_the_reservation_s_own_time() -> None:
    moved = hold(change=change(expire_time=None, evse_id=2))
    assert observe(moved, known(), at(DECIDED_S)) == moved
    assert next_step(moved, known(), at(DECIDED_S)).act is ReservationAct.CHANGE


def test_an_answer_that_is_under_way_is_looked_for_with_a_pause() -> None:
    """Also after the asked end."""
    facts = known(holds=(frame(1, 10),), attempts=1)
    step = next_step(SOONER, facts, at(DECIDED_S))
    assert (step.act, step.look_again) == (ReservationAct.WAIT, at(DECIDED_S) + FRAME_PAUSE)
