"""Keeps the background tasks of a process alive, and never lets one die in silence.

A task that fails is logged, counted and started again after a pause that grows. When that does not
help, the process ends as it does on SIGTERM: whoever supervises processes starts a new one, and
other processes take over its work. A process that looks healthy and delivers nothing is worse.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog

from domain.backoff import pause_after
from telemetry import metrics

MOST_FAILURES = 8
"""After so many failures in a row the process ends: about a minute after the first one."""

FIRST_PAUSE, LONGEST_PAUSE = timedelta(milliseconds=500), timedelta(seconds=20)

HEALTHY_AFTER = timedelta(minutes=5)
"""A task that ran for so long has recovered: its next failure counts as the first one."""

_log = structlog.get_logger(__name__)


def end_process() -> None:
    """Ends this process in order, as SIGTERM does."""
    signal.raise_signal(signal.SIGTERM)


async def supervised(
    name: str,
    run: Callable[[], Awaitable[None]],
    *,
    give_up: Callable[[], None] = end_process,
    first_pause: timedelta = FIRST_PAUSE,
) -> None:
    """Runs a background task until it returns or is cancelled; starts it again when it fails.

    name: in logs and in the metric. run: begins the task anew with each call.
    give_up: called once, after `MOST_FAILURES` in a row; then this returns.
    """
    loop = asyncio.get_running_loop()
    failures = 0
    while True:
        begun_s = loop.time()
        try:
            await run()
        except Exception:
            healthy = loop.time() - begun_s >= HEALTHY_AFTER.total_seconds()
            failures = 1 if healthy else failures + 1
            metrics.TASK_FAILURES.labels(task=name).inc()
            _log.exception("background_task_failed", task=name, failures=failures)
        else:
            return
        if failures >= MOST_FAILURES:
            _log.critical("background_task_given_up", task=name, failures=failures)
            give_up()
            return
        await asyncio.sleep(pause_after(failures, first_pause, LONGEST_PAUSE).total_seconds())


@asynccontextmanager
async def background(
    name: str,
    run: Callable[[], Awaitable[None]],
    *,
    give_up: Callable[[], None] = end_process,
    first_pause: timedelta = FIRST_PAUSE,
) -> AsyncIterator[None]:
    """Runs a background task, supervised, for as long as the context is open."""
    task = asyncio.create_task(
        supervised(name, run, give_up=give_up, first_pause=first_pause), name=name
    )
    try:
        yield
    finally:
        task.cancel()
        # `await task` would take a cancel of the caller, too, for the end of the task.
        await asyncio.wait([task])
