"""The result of a frame is applied by one rule, whoever has it."""

from domain.commands.transitions import STOPPING_FIRST, answered, frame_ended, lost, sent
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Code, State
from domain.model.specs import Kind
from tests.unit.domain.situations import ACCEPTED, T0, at, start, unlock

LOST = "CONNECTION_LOST_AFTER_SEND"


def test_an_answer_is_applied_as_an_answer() -> None:
    command = sent(start(), T0)
    ended = frame_ended(command, Kind.START_SESSION, ACCEPTED, at(1))
    assert ended == answered(command, ACCEPTED, at(1))
    assert ended.state is State.AWAITING_EFFECT


def test_no_answer_is_unknown_for_now() -> None:
    command = sent(start(), T0)
    ended = frame_ended(command, Kind.START_SESSION, None, at(1), cause=LOST)
    assert ended == lost(command, LOST, at(1))
    assert ended.outcome is not None
    assert ended.outcome.code is Code.UNKNOWN


def test_an_answer_that_cannot_be_understood_is_not_told_as_silence() -> None:
    unreadable = StationAnswer(Verdict.UNREADABLE, "")
    ended = frame_ended(sent(start(), T0), Kind.START_SESSION, unreadable, at(1))
    silent = frame_ended(sent(start(), T0), Kind.START_SESSION, None, at(1), cause=LOST)
    assert "with an answer that cannot be understood" in ended.progress
    assert "without an answer" in silent.progress


def test_who_is_not_certain_that_it_was_recorded_as_sent_names_the_time() -> None:
    ended = frame_ended(start(), Kind.START_SESSION, ACCEPTED, at(1), send_time=T0)
    assert ended == answered(sent(start(), T0), ACCEPTED, at(1))
    again = frame_ended(ended, Kind.START_SESSION, ACCEPTED, at(1), send_time=at(9))
    assert again.send_time == T0


def test_the_result_of_a_first_step_does_not_end_the_unlock() -> None:
    command = sent(unlock(stop_first=True), T0)
    for answer in (ACCEPTED, None):
        ended = frame_ended(command, Kind.STOP_SESSION, answer, at(1), cause=LOST)
        assert (ended.state, ended.outcome) == (State.SENT, None)
        assert ended.progress == STOPPING_FIRST
