"""An asyncio loop whose clock jumps: where a real loop would sleep, this one moves its time.

Nothing in a simulated run waits for the real world (no sockets; SQLite runs on the loop), so a run
of an hour takes as long as its work does, and the same seed gives the same order of everything.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from contextvars import Context
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

BEGIN = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
"""When every simulated world begins."""


class Stuck(AssertionError):
    """Nobody in the world waits for anything any more, and it has not ended."""


class _NoWaiting(selectors.DefaultSelector):
    """A selector that asks the loop to move its time instead of waiting."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stuck
        if timeout > 0:
            self.loop.skip(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop with a clock of its own, from 0.0."""

    def __init__(self) -> None:
        selector = _NoWaiting()
        selector.loop = self
        self._now_s = 0.0
        super().__init__(selector)

    def time(self) -> float:
        """Seconds since the world began."""
        return self._now_s

    def skip(self, seconds: float) -> None:
        """Let time pass."""
        self._now_s += max(seconds, 1e-6)  # never so little that a float cannot tell

    def utc_now(self) -> datetime:
        """The true time of day."""
        return BEGIN + timedelta(seconds=self._now_s)


def run(main: Coroutine[Any, Any, T], loop: VirtualLoop) -> T:
    """Run a world to its end, then end all that still waits in it."""
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(main)
    finally:
        _end_all(loop)
        asyncio.set_event_loop(None)
        loop.close()


def _end_all(loop: VirtualLoop) -> None:
    for _ in range(5):
        left = asyncio.all_tasks(loop)
        if not left:
            return
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.wait(left, timeout=1.0))
    raise AssertionError("tasks that cannot be ended")


def task_in(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T], context: Context
) -> "asyncio.Task[T]":
    """A task with this context."""
    return loop.create_task(work, context=context)
