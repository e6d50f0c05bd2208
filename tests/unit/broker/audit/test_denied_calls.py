"""Denied calls are counted by caller, method and reason; never more than the limit."""

from datetime import UTC, datetime, timedelta

import pytest

from broker.access.caller import Caller
from broker.access.rights import right_missing
from broker.audit.denied_calls import MOST, DeniedCalls
from broker.errors import Reason, Refusal
from broker.settings import Right

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
V1 = "/evcommand.v1."
DELETE = f"{V1}StationService/DeleteStation"
DESK = Caller("desk", "south")
MISSING = right_missing((Right.ADMIN,), "desk")
OUTSIDE = Refusal(Reason.OUTSIDE_STATION_GROUP, "no")


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def test_denied_calls_of_one_kind_are_one_row_with_their_number() -> None:
    clock = Clock()
    denied = DeniedCalls(clock)
    for second in range(3):
        clock.now = NOW + timedelta(seconds=second)
        denied.note(DESK, DELETE, MISSING)
    (row,) = denied.take()
    assert (row.tenant, row.caller, row.method) == ("south", "desk", "DeleteStation")
    assert (row.code, row.reason) == ("PERMISSION_DENIED", "RIGHT_MISSING")
    assert (row.times, row.create_time, row.last_time) == (3, NOW, NOW + timedelta(seconds=2))
    assert denied.take() == []


def test_others_methods_and_reasons_have_rows_of_their_own() -> None:
    denied = DeniedCalls(Clock())
    denied.note(DESK, DELETE, MISSING)
    denied.note(DESK, f"{V1}TokenService/PutToken", MISSING)
    denied.note(DESK, DELETE, OUTSIDE)
    denied.note(Caller("desk", "north"), DELETE, MISSING)
    rows = denied.take()
    assert [row.times for row in rows] == [1] * 4
    assert len({row.id for row in rows}) == 4


@pytest.mark.parametrize(
    ("method", "refusal"),
    [
        (f"{V1}StationService/GetStation", MISSING),
        (DELETE, Refusal(Reason.STATION_NOT_FOUND, "no")),
        (DELETE, Refusal(Reason.RATE_LIMIT_EXCEEDED, "no")),
    ],
    ids=["it only reads", "it is no denial", "it came too soon"],
)
def test_nothing_else_is_noted(method: str, refusal: Refusal) -> None:
    denied = DeniedCalls(Clock())
    denied.note(DESK, method, refusal)
    assert denied.take() == []


def test_what_could_not_be_written_is_counted_on() -> None:
    clock = Clock()
    denied = DeniedCalls(clock)
    denied.note(DESK, DELETE, MISSING)
    taken = denied.take()
    clock.now = NOW + timedelta(minutes=1)
    denied.note(DESK, DELETE, MISSING)
    denied.put_back(taken)
    (row,) = denied.take()
    assert (row.times, row.create_time, row.last_time) == (2, NOW, clock.now)
    assert row.id != taken[0].id


def test_there_is_a_limit_and_what_is_beyond_it_is_counted() -> None:
    denied = DeniedCalls(Clock())
    for number in range(MOST + 5):
        denied.note(Caller(f"jwt:{number}"), DELETE, MISSING)
    assert denied.left_out == 5
    assert len(denied.take()) == MOST
    assert denied.left_out == 0
