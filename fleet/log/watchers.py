"""Tasks that wait for the log to grow.

One connection per process listens for all watchers (see `fleet.engine.commit_sources`), and commits
of this process are told at once. What a watcher learns says only that the log may have grown; it
reads the log for the rest.

On PostgreSQL a change can be committed and still be invisible to readers in the log's order, behind
an older transaction (see `fleet.log.event_log`). Nothing is notified when that transaction ends. So
every notification is repeated a few times, as an echo.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from fleet.engine.commit_sources import CommitSource
from fleet.engine.unavailable import is_unavailable

log = structlog.get_logger(__name__)

RETRY_S = 0.5
"""Pause before a lost connection is opened again."""

ECHOES_S = (0.02, 0.1, 0.3, 1.0)
"""When a notification is repeated, after it came. Older transactions are over by then."""


@dataclass
class LogGrowth:
    """What may have changed in the log.

    named: paths of resources (`postgres_notification.path`).
    unnamed: True when other resources may have changed, too.
    """

    named: set[str] = field(default_factory=set)
    unnamed: bool = False


class LogWatcher:
    """One task's view of the log: it waits until the log may have grown since its last wait."""

    def __init__(self) -> None:
        self._grown = asyncio.Event()
        self._grown.set()
        self._growth = LogGrowth(unnamed=True)
        self._failure: Exception | None = None

    async def wait(self, timeout_s: float) -> bool:
        """True when the log may have grown; False when the time is over. The first is immediate.

        Raises: what ended the listener, when it was no unavailable database.
        """
        if self._failure is not None:
            raise self._failure
        try:
            async with asyncio.timeout(timeout_s):
                await self._grown.wait()
        except TimeoutError:
            return False
        if self._failure is not None:
            raise self._failure
        self._grown.clear()
        return True

    def take(self) -> LogGrowth:
        """What was notified since the last call. Empty after an echo, which names nothing."""
        growth, self._growth = self._growth, LogGrowth()
        return growth

    def notify(self, paths: Iterable[str] = ()) -> None:
        """The log may have grown: by these resources; by unknown ones when `paths` is empty."""
        named = set(paths)
        self._growth.named |= named
        self._growth.unnamed |= not named
        self._grown.set()

    def fail(self, error: Exception) -> None:
        """Nobody listens any longer: whoever waits has to know, and begins anew."""
        self._failure = error
        self._grown.set()

    def echo(self) -> None:
        """Wake the task once more: an earlier change may be visible only now."""
        self._grown.set()


class LogWatchers:
    """Every watcher of this process; listens to the database while there is one.

    echo: whether notifications are repeated (PostgreSQL).
    """

    def __init__(self, source: CommitSource, *, echo: bool) -> None:
        self._source = source
        self._echo = echo
        self._watchers: set[LogWatcher] = set()
        self._listener: asyncio.Task[None] | None = None
        self._echoes: list[asyncio.TimerHandle] = []

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[LogWatcher]:
        """A watcher, for as long as the context lasts."""
        watcher = LogWatcher()
        self._watchers.add(watcher)
        if self._listener is None or self._listener.done():
            self._listener = asyncio.create_task(self._listen(), name="fleet-log-listener")
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)
            if not self._watchers:
                await self.close()

    def notify(self, paths: Iterable[str] = ()) -> None:
        """The log may have grown: wake every watcher now, and again at each echo."""
        named = set(paths)
        for watcher in self._watchers:
            watcher.notify(named)
        if self._echo and self._watchers:
            # A new notification restarts the echoes: its own last echo comes later than theirs.
            for handle in self._echoes:
                handle.cancel()
            loop = asyncio.get_running_loop()
            self._echoes = [loop.call_later(delay, self._repeat) for delay in ECHOES_S]

    async def close(self) -> None:
        """Stop listening."""
        for handle in self._echoes:
            handle.cancel()
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.cancel()
            # `await listener` would take a cancel of the caller, too, for the listener's end.
            await asyncio.wait([listener])

    def _repeat(self) -> None:
        for watcher in self._watchers:
            watcher.echo()

    async def _listen(self) -> None:
        """Listen again whenever the database is lost. Any other error is the watchers' to raise."""
        while True:
            try:
                await self._source(self.notify)
            except Exception as error:
                log.warning("log_listener_lost", error=type(error).__name__)
                if not is_unavailable(error):
                    for watcher in self._watchers:
                        watcher.fail(error)
                    return
            await asyncio.sleep(RETRY_S)
            self.notify()  # nobody heard what was committed meanwhile
