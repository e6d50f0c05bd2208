"""Frames about a reservation whose answer nobody could write down."""

from dataclasses import replace

from domain.limits import ANSWER_IS_LOST
from domain.model.specs import Kind
from journal.commands.answers import reservation_frames
from tests.unit.journal.explain.test_explanation import frame

LEFT = replace(frame(kind=Kind.CANCEL_RESERVATION.value), state="INTENT", answer=None)


def test_a_frame_whose_answer_was_not_written_down_is_waited_for_for_some_minutes_only() -> None:
    """Its gateway may have lost the database just then, and a reservation is to be let go."""
    end = LEFT.send_time + ANSWER_IS_LOST
    early, late = (
        reservation_frames([LEFT], Kind.CANCEL_RESERVATION, now)[0]
        for now in (end - ANSWER_IS_LOST / 2, end)
    )
    assert early.pending
    assert not late.pending
