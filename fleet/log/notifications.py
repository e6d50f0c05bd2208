"""Waking those who follow the log: LISTEN/NOTIFY on PostgreSQL, a short poll on SQLite.

One connection per process serves all watchers. A wake-up says only that the log may have grown.
On PostgreSQL a change can be committed and still be invisible behind an older transaction (see
`fleet.log.commands`), so every notification is echoed a few times.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

log = structlog.get_logger(__name__)

SQLITE_POLL_S = 0.05
RETRY_S = 0.5
_ECHOES_S = (0.02, 0.1, 0.3, 1.0)

Tell = Callable[[Iterable[str]], None]
"""Told of the commands that were written about; of none when it is not known which."""

Source = Callable[[Tell], Awaitable[None]]
"""Calls its argument at every change, until cancelled or the database is lost."""


@dataclass
class News:
    """What may have changed. named: commands, by `book.path`. unnamed: perhaps others too."""

    named: set[str] = field(default_factory=set)
    unnamed: bool = False


class Changes:
    """One watcher's view: wait until the log may have grown since the last wait."""

    def __init__(self) -> None:
        self._grown = asyncio.Event()
        self._grown.set()
        self._news = News(unnamed=True)

    async def wait(self, timeout_s: float) -> bool:
        """True when the log may have grown; False when the time is over. The first is immediate."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._grown.wait()
        except TimeoutError:
            return False
        self._grown.clear()
        return True

    def take(self) -> News:
        """What was told since the last call. Nothing at all: an echo, for who reads in order."""
        news, self._news = self._news, News()
        return news

    def tell(self, paths: Iterable[str] = ()) -> None:
        """The log may have grown; about these commands, when that is known."""
        named = set(paths)
        self._news.named |= named
        self._news.unnamed |= not named
        self._grown.set()

    def echo(self) -> None:
        """What was told before may only now be visible to who reads in the log's order."""
        self._grown.set()


class Hub:
    """Tells every watcher of this process; listens to the database while there is one."""

    def __init__(self, source: Source, *, echo: bool) -> None:
        self._source = source
        self._echo = echo
        self._watchers: set[Changes] = set()
        self._listener: asyncio.Task[None] | None = None
        self._echoes: list[asyncio.TimerHandle] = []

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[Changes]:
        """A watcher, for as long as the context lasts."""
        changes = Changes()
        self._watchers.add(changes)
        if self._listener is None or self._listener.done():
            self._listener = asyncio.create_task(self._listen(), name="fleet-changes")
        try:
            yield changes
        finally:
            self._watchers.discard(changes)
            if not self._watchers:
                await self.close()

    def tell(self, paths: Iterable[str] = ()) -> None:
        """The log may have grown: wake everybody now, and again where that may be too early."""
        told = set(paths)
        for changes in self._watchers:
            changes.tell(told)
        if self._echo and self._watchers:
            for handle in self._echoes:
                handle.cancel()
            loop = asyncio.get_running_loop()
            self._echoes = [loop.call_later(delay, self._repeat) for delay in _ECHOES_S]

    async def close(self) -> None:
        """Stop listening."""
        for handle in self._echoes:
            handle.cancel()
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listener

    def _repeat(self) -> None:
        for changes in self._watchers:
            changes.echo()

    async def _listen(self) -> None:
        while True:
            try:
                await self._source(self.tell)
            except Exception as error:
                log.warning("log_listener_lost", error=type(error).__name__)
            await asyncio.sleep(RETRY_S)
            self.tell()  # what happened while nobody listened
