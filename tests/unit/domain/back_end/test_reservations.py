"""Which reservations another back end (CSMS) may have at a station."""

from typing import Any

import pytest

from domain.back_end.commands import TheirCommand
from domain.back_end.reservations import ended_by, standing
from domain.model.answers import CallError, StationAnswer, Verdict
from domain.model.specs import Kind
from tests.unit.domain.situations import ACCEPTED, REJECTED, at

STATION_ERROR = StationAnswer(Verdict.FAILED, call_error=CallError("InternalError"))
UNREADABLE = StationAnswer(Verdict.UNREADABLE)
OCCUPIED = StationAnswer(Verdict.FAILED, "Occupied")


def reserve(at_s: float = -60, number: int | None = 9, **changed: Any) -> TheirCommand:
    known: dict[str, Any] = {"answer": ACCEPTED, "evse_id": 1, "expire_time": at(600)}
    return TheirCommand(Kind.RESERVE_NOW, at(at_s), number=number, **(known | changed))


def cancel(at_s: float = -30, number: int = 9, **changed: Any) -> TheirCommand:
    known: dict[str, Any] = {"answer": ACCEPTED}
    return TheirCommand(Kind.CANCEL_RESERVATION, at(at_s), number=number, **(known | changed))


@pytest.mark.parametrize(
    ("commands", "evse_id", "stand"),
    [
        pytest.param([reserve()], 1, 1, id="held"),
        pytest.param([reserve()], None, 1, id="any place is asked for"),
        pytest.param([reserve(evse_id=None)], 1, 1, id="any place is reserved"),
        pytest.param([reserve()], 2, 0, id="another place"),
        pytest.param([reserve(answer=REJECTED)], 1, 0, id="refused"),
        pytest.param([reserve(answer=None)], 1, 1, id="no answer is known"),
        pytest.param([reserve(answer=STATION_ERROR)], 1, 1, id="an error"),
        pytest.param([reserve(answer=UNREADABLE)], 1, 1, id="an answer that nobody can read"),
        pytest.param([reserve(answer=OCCUPIED)], 1, 0, id="the place was taken"),
        pytest.param([reserve(expire_time=at(-1))], 1, 0, id="over"),
        pytest.param([reserve(expire_time=None)], 1, 1, id="its end cannot be read"),
        pytest.param([reserve(1)], 1, 0, id="later"),
        pytest.param([reserve(), cancel()], 1, 0, id="cancelled"),
        pytest.param([reserve(), cancel(answer=REJECTED)], 1, 1, id="a cancel was refused"),
        pytest.param([reserve(), cancel(answer=None)], 1, 1, id="a cancel has no answer"),
        pytest.param([reserve(answer=None), cancel()], 1, 0, id="cancelled, whatever was said"),
        pytest.param(
            [reserve(answer=None), cancel(answer=REJECTED)], 1, 0, id="the station knew of none"
        ),
        pytest.param(
            [reserve(answer=None), cancel(answer=STATION_ERROR)], 1, 1, id="the cancel failed"
        ),
        pytest.param(
            [cancel(-90, answer=REJECTED), reserve(answer=None)], 1, 1, id="it knew of none before"
        ),
        pytest.param(
            [reserve(), reserve(-30, evse_id=2, answer=None)], 1, 1, id="perhaps moved away"
        ),
        pytest.param([reserve(), reserve(-30, evse_id=2, answer=None)], 2, 1, id="perhaps moved"),
        pytest.param(
            [reserve(), reserve(-30, evse_id=2, answer=REJECTED)], 1, 1, id="it was not moved"
        ),
        pytest.param([reserve(), cancel(number=8)], 1, 1, id="another one was cancelled"),
        pytest.param([reserve(), reserve(-30, evse_id=2)], 1, 0, id="moved away"),
        pytest.param([reserve(), reserve(-30, number=8)], 1, 2, id="two"),
    ],
)
def test_a_reservation_stands_until_it_is_over_or_cancelled(
    commands: list[TheirCommand], evse_id: int | None, stand: int
) -> None:
    assert len(standing(commands, at(0), evse_id)) == stand


@pytest.mark.parametrize(
    ("commands", "ended"),
    [
        pytest.param([cancel(answer_time=at(-29))], True, id="cancelled"),
        pytest.param([reserve(answer_time=at(-29))], True, id="its number is used again"),
        pytest.param([cancel(answer=REJECTED, answer_time=at(-29))], False, id="refused"),
        pytest.param([cancel()], False, id="no time of the answer is known"),
        pytest.param([cancel(number=8, answer_time=at(-29))], False, id="another one"),
        pytest.param([], False, id="nothing"),
    ],
)
def test_the_back_end_ends_a_reservation_of_ours_by_its_number(
    commands: list[TheirCommand], ended: bool
) -> None:
    assert ended_by(commands, 9) == (at(-29) if ended else None)
