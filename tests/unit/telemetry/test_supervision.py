"""A background task that fails is started again; one that keeps failing ends its process."""

import asyncio
import contextlib
from datetime import timedelta

import pytest
import structlog
from prometheus_client import REGISTRY

from telemetry import supervision
from telemetry.supervision import MOST_FAILURES, supervised

AT_ONCE = timedelta(0)


class Work:
    """Fails as often as it is told to, then returns."""

    def __init__(self, failures: int) -> None:
        self.left = failures
        self.runs = 0

    async def run(self) -> None:
        self.runs += 1
        if self.left:
            self.left -= 1
            raise RuntimeError("planted")


def counted(task: str) -> float:
    return REGISTRY.get_sample_value("evcommand_task_failures_total", {"task": task}) or 0.0


async def test_a_task_that_fails_is_logged_counted_and_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    work, given_up, before = Work(3), list[bool](), counted("planted")
    with structlog.testing.capture_logs() as lines:
        monkeypatch.setattr(supervision, "_log", structlog.get_logger())
        await supervised(
            "planted", work.run, give_up=lambda: given_up.append(True), first_pause=AT_ONCE
        )
    assert (work.runs, given_up, counted("planted") - before) == (4, [], 3)
    assert [line["event"] for line in lines].count("background_task_failed") == 3
    assert all(line["log_level"] == "error" for line in lines)


async def test_a_task_that_keeps_failing_ends_its_process_once() -> None:
    work, given_up = Work(1_000), list[bool]()
    await supervised(
        "hopeless", work.run, give_up=lambda: given_up.append(True), first_pause=AT_ONCE
    )
    assert (work.runs, given_up) == (MOST_FAILURES, [True])


async def test_a_cancelled_task_is_not_started_again() -> None:
    running = asyncio.create_task(supervised("waiting", asyncio.Event().wait))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert running.cancelled()
