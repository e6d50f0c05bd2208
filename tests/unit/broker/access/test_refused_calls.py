"""Refused calls leave lines in the log, and strangers cannot fill a disk with them."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from broker.access.caller import Caller
from broker.access.refused_calls import LINES_AT_ONCE, RefusedCallLines
from broker.errors import Reason, Refusal

METHOD = "/evcommand.v1.StationService/CreateStation"
STRANGER, DESK = Caller(), Caller("desk")
MISSING = Refusal(Reason.CREDENTIALS_MISSING, "no")
DENIED = Refusal(Reason.RIGHT_MISSING, "no")


class Told:
    """What is written, by a clock that stands still unless it is set."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self._lines = RefusedCallLines(lambda: self.now_s)

    def lines(self, caller: Caller, refusal: Refusal, times: int = 1) -> list[Any]:
        with capture_logs() as written:
            for _ in range(times):
                self._lines.write(caller, METHOD, refusal)
        return written


@pytest.fixture
def told() -> Told:
    return Told()


def test_a_refused_call_is_told_with_its_method_and_its_reason(told: Told) -> None:
    (line,) = told.lines(STRANGER, MISSING)
    assert line["event"] == "call_refused"
    assert line["method"] == METHOD.lstrip("/")
    assert line["reason"] == "CREDENTIALS_MISSING"
    assert "caller" not in line


def test_a_flood_of_strangers_leaves_few_lines_and_later_ones_tell_how_many_are_missing(
    told: Told,
) -> None:
    assert len(told.lines(STRANGER, MISSING, 10_000)) == LINES_AT_ONCE
    told.now_s += 2
    first, second = told.lines(STRANGER, MISSING, 5)
    assert first["not_logged_before"] == 10_000 - LINES_AT_ONCE
    assert "not_logged_before" not in second


def test_a_flood_of_strangers_hides_no_credential_that_lacks_a_right(told: Told) -> None:
    told.lines(STRANGER, MISSING, 10_000)
    (line,) = told.lines(DESK, DENIED)
    assert (line["caller"], line["reason"]) == ("desk", "RIGHT_MISSING")


def test_after_a_long_silence_no_more_lines_come_at_once_than_ever(told: Told) -> None:
    told.now_s += 1_000_000
    assert len(told.lines(STRANGER, MISSING, 10_000)) == LINES_AT_ONCE


def test_a_call_above_its_rate_is_told_elsewhere(told: Told) -> None:
    assert told.lines(DESK, Refusal(Reason.RATE_LIMIT_EXCEEDED, "no")) == []
