"""A frame about a reservation, and what the station said to it."""

from domain.evidence.frames import ReservationFrame
from domain.model.answers import CallError, StationAnswer, Verdict
from tests.unit.domain.situations import ACCEPTED, T0


def test_the_word_of_a_frame_is_the_stations_own() -> None:
    assert ReservationFrame(1, T0).word == ""
    assert ReservationFrame(1, T0, answer=ACCEPTED).word == "Accepted"
    error = StationAnswer(Verdict.FAILED, call_error=CallError("InternalError"))
    assert ReservationFrame(1, T0, answer=error).word == "InternalError"


def test_a_failure_is_no_and_may_pass() -> None:
    failed = ReservationFrame(1, T0, answer=StationAnswer(Verdict.FAILED))
    assert not failed.agreed
    assert not failed.refused
    assert Verdict.FAILED.is_no
    assert not Verdict.FAILED.is_lasting_no
