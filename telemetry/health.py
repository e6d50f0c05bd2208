"""Whether this process is well: asked by probes, from a thread that is not the event loop's."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LIMIT_S = 3.0


class Health:
    """What a process says of itself. It says nothing of Temporal or of the database.

    Without these a broker still tells callers why it cannot serve them, which is better than a
    broker that nobody reaches.

    loop: the event loop of the process. limit_s: the loop has to get round to it so soon.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, limit_s: float = _LIMIT_S) -> None:
        self._loop = loop
        self._limit_s = limit_s
        self._serves = False

    @contextmanager
    def serving(self) -> Iterator[None]:
        """The process is ready while the block runs: it has started, and does not drain yet."""
        self._serves = True
        try:
            yield
        finally:
            self._serves = False

    def alive(self) -> bool:
        """Whether the event loop runs. Never call it in the loop's own thread."""
        turn = threading.Event()
        try:
            self._loop.call_soon_threadsafe(turn.set)
        except RuntimeError:  # the loop is closed
            return False
        return turn.wait(self._limit_s)

    def ready(self) -> bool:
        """Whether the process takes work now. Never call it in the loop's own thread."""
        return self._serves and self.alive()
