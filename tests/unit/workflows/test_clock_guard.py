"""Temporal's clock against the fleet's: nothing is decided before its time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from tests.support.fleet_rows import NOW, later
from workflows.activities.clock_guard import MOST_AHEAD, ClockGuard


@dataclass(frozen=True)
class Timed:
    now: datetime


class Executes(ActivityInboundInterceptor):
    def __init__(self) -> None:
        self.executed: list[Any] = []

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        self.executed.append(input.args)
        return "decided"


def asked(request: object) -> ExecuteActivityInput:
    return ExecuteActivityInput(fn=lambda _: None, args=[request], executor=None, headers={})


@pytest.mark.parametrize("ahead", [timedelta(hours=2), MOST_AHEAD + timedelta(milliseconds=1)])
async def test_nothing_is_decided_while_temporals_clock_is_ahead(ahead: timedelta) -> None:
    executes = Executes()
    guarded = ClockGuard(lambda: NOW).intercept_activity(executes)
    with capture_logs() as lines, pytest.raises(ApplicationError) as refused:
        await guarded.execute_activity(asked(Timed(NOW + ahead)))
    assert not refused.value.non_retryable
    assert executes.executed == []
    assert [line["event"] for line in lines] == ["temporal_clock_is_ahead"]


@pytest.mark.parametrize("request_", [Timed(later(-7200)), Timed(NOW), Timed(later(1)), object()])
async def test_what_is_asked_now_or_was_asked_before_is_decided(request_: object) -> None:
    executes = Executes()
    guarded = ClockGuard(lambda: NOW).intercept_activity(executes)
    assert await guarded.execute_activity(asked(request_)) == "decided"
    assert executes.executed == [[request_]]
