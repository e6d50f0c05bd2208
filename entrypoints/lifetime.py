"""The life of a process: event loop, signals, exit.

The first SIGINT or SIGTERM ends the process in order. While it starts, the start is cancelled.
While it serves, `serving` returns and the process drains. A second signal has its default effect.
A drain that takes longer than its limit ends with exit code 1 and a dump of all threads.
"""

import asyncio
import faulthandler
import gc
import os
import signal
import sys
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import uvloop

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_GC_THRESHOLDS = (5_000, 5, 200)
"""Thresholds of the garbage collector. With the defaults it visits the objects of idle sockets too
often: an eighth of a gateway's CPU time while stations connect. With larger ones a visit stops all
commands for longer: up to 550 ms while 10,000 stations came back, 30 ms with these."""

_TELL_S = 1.0
"""How long the end of a process waits for a reader of standard error."""


@contextmanager
def quick_start() -> Iterator[None]:
    """Stops the garbage collector until the process serves, or the block is left.

    What a process makes while it starts lives until its end, so that a visit finds nothing.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def started() -> None:
    """Sets the garbage collector for a process that serves.

    What exists now lives until the end: it need not be visited.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    gc.enable()


class Lifetime:
    """Runs a process and ends it on a signal.

    stop_limit_s: the limit of the drain; after it the process ends, whatever hangs.
    """

    def __init__(self, stop_limit_s: float = 90.0) -> None:
        self._stop_limit_s = stop_limit_s
        self._main: asyncio.Task[Any] | None = None
        self._stop = asyncio.Event()
        self._serving = False

    async def serving(self) -> None:
        """Waits for the signal that ends the process. Call it when the process has started."""
        self._serving = True
        started()
        await self._stop.wait()

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        """Runs `main` and returns when it has ended, also after a signal.

        Raises: what `main` raises.
        """
        with (
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
            suppress(_StartCancelled),
        ):
            runner.run(self._watched(main))

    async def _watched(self, main: Coroutine[Any, Any, None]) -> None:
        loop = asyncio.get_running_loop()
        self._main = asyncio.ensure_future(main)
        for each in _SIGNALS:
            loop.add_signal_handler(each, self._on_signal)
        try:
            await self._main
        except asyncio.CancelledError:
            if self._stop.is_set() and not self._serving:
                raise _StartCancelled from None
            raise

    def _on_signal(self) -> None:
        loop = asyncio.get_running_loop()
        for each in _SIGNALS:
            loop.remove_signal_handler(each)  # a second signal has its default effect
        self._stop.set()
        self._limit_the_drain()
        if not self._serving and self._main is not None:
            self._main.cancel()

    def _limit_the_drain(self) -> None:
        """Ends the process after the limit: from a thread, because the event loop may hang."""

        def tell() -> None:
            print(f"not stopped within {self._stop_limit_s:.0f} s; ending now", file=sys.stderr)
            faulthandler.dump_traceback(all_threads=True)

        def end_hard() -> None:
            telling = threading.Thread(target=tell, daemon=True)
            telling.start()
            telling.join(_TELL_S)  # nobody may read standard error
            os._exit(1)

        limit = threading.Timer(self._stop_limit_s, end_hard)
        limit.daemon = True
        limit.start()


class _StartCancelled(Exception):
    """A signal came during the start."""
