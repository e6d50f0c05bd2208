"""From the first line of a process to its end: event loop, signals, exit."""

import asyncio
import faulthandler
import gc
import os
import signal
import sys
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import uvloop

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_GARBAGE = (20_000, 50, 50)
"""Thresholds of the cycle collector. The defaults look at every idle socket's objects again and
again: an eighth of a gateway's time while stations connect."""


class Lifetime:
    """Ends a process in order at the first SIGINT or SIGTERM, and hard at the second.

    stop_limit_s: whatever hangs then, the process ends after this time.

    Before `serving` was called there is nothing to drain: the start is broken off.
    """

    def __init__(self, stop_limit_s: float = 90.0) -> None:
        self._stop_limit_s = stop_limit_s
        self._main: asyncio.Task[Any] | None = None
        self._stop = asyncio.Event()
        self._serving = False

    async def serving(self) -> None:
        """Waits for the signal that ends the process."""
        self._serving = True
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GARBAGE)
        await self._stop.wait()

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        """Runs a process; returns when it was told to stop and has stopped.

        Raises: whatever `main` raises.
        """
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, suppress(_BrokenOff):
            runner.run(self._watched(main))

    async def _watched(self, main: Coroutine[Any, Any, None]) -> None:
        loop = asyncio.get_running_loop()
        self._main = asyncio.ensure_future(main)
        for each in _SIGNALS:
            loop.add_signal_handler(each, self._told_to_stop)
        try:
            await self._main
        except asyncio.CancelledError:
            if self._stop.is_set() and not self._serving:
                raise _BrokenOff from None
            raise

    def _told_to_stop(self) -> None:
        loop = asyncio.get_running_loop()
        for each in _SIGNALS:
            loop.remove_signal_handler(each)  # a second one does what it does by default
        self._stop.set()
        self._limit_the_drain()
        if not self._serving and self._main is not None:
            self._main.cancel()

    def _limit_the_drain(self) -> None:
        """From a thread, since the loop may be what hangs. Shows where everything stands."""

        def end_hard() -> None:
            print(f"not stopped within {self._stop_limit_s:.0f} s; ending now", file=sys.stderr)
            faulthandler.dump_traceback(all_threads=True)
            os._exit(1)

        limit = threading.Timer(self._stop_limit_s, end_hard)
        limit.daemon = True
        limit.start()


class _BrokenOff(Exception):
    """Stopped while it was starting."""
