"""The database of one process: transactions, migrations, the log's watchers, the outbox's listener.

`fleet.engine` runs the transactions and knows nothing of what they write. This module puts it
together with the rest of the fleet: it migrates the tables when it opens a database, listens to the
log's channel, and passes on after each commit what the transaction marked. A process that opens
`Database` needs no other module of the fleet to run it.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager

from fleet import migrations
from fleet.engine.commit_marks import Marks
from fleet.engine.commit_sources import Notify, listen_to_postgres, poll_sqlite
from fleet.engine.database import SqlDatabase
from fleet.engine.engines import POSTGRES_POOL_SIZE, Engines, open_engines, sqlite_path
from fleet.engine.unavailable import as_unavailable, is_unavailable
from fleet.log.event_log import LOG_GREW
from fleet.log.postgres_notification import CHANNEL
from fleet.log.watchers import LogWatcher, LogWatchers
from fleet.wakeups import OUTBOX_GREW


class Database(SqlDatabase):
    """An open database. Use one per process, and close it."""

    def __init__(self, engines: Engines, *, timeout_s: float) -> None:
        super().__init__(engines, timeout_s=timeout_s, on_commit=self._committed)
        self._outbox_listeners: list[Callable[[], None]] = []
        postgres = engines.dialect == "postgresql"
        self._watchers = LogWatchers(self._listen if postgres else self._poll, echo=postgres)

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        migrate: bool = True,
        timeout_s: float = 2.0,
        synchronous: str = "NORMAL",
        pool_size: int = POSTGRES_POOL_SIZE,
    ) -> "Database":
        """Open "sqlite:///path" or "postgresql://...".

        migrate: bring the tables up to date first; safe when several processes do so at once.
        timeout_s: how long to wait for a connection, for the write lock, and for a statement.
        synchronous: SQLite only: with "NORMAL" commits survive the death of processes, with
            "FULL" also that of the machine.
        pool_size: PostgreSQL only: how many connections this process uses at most.

        Raises: DatabaseUnavailable; ValueError for an unusable URL.
        """
        engines = open_engines(
            url, timeout_s=timeout_s, synchronous=synchronous, pool_size=pool_size
        )
        if migrate:
            try:
                await migrations.upgrade(url)
            except Exception as error:
                await engines.dispose()
                if is_unavailable(error):
                    raise as_unavailable(error) from error
                raise
        return cls(engines, timeout_s=timeout_s)

    def alone(self) -> SqlDatabase:
        """The same database, by one connection of its own: for the event loop of another thread.

        It connects when it is first used. What it commits is told to no listener.
        """
        engines = open_engines(
            self._engines.url, timeout_s=self._timeout_s, synchronous="NORMAL", pool_size=1
        )
        return SqlDatabase(engines, timeout_s=self._timeout_s, on_commit=lambda _: None)

    def watch(self) -> AbstractAsyncContextManager[LogWatcher]:
        """A watcher of the log, for as long as the context lasts."""
        return self._watchers.watch()

    @contextmanager
    def on_outbox(self, tell: Callable[[], None]) -> Iterator[None]:
        """Call `tell` after each commit of this process that added a wake-up.

        When several listen, only the last one is called: two that deliver the same outbox would
        deliver it twice.
        """
        self._outbox_listeners.append(tell)
        try:
            yield
        finally:
            self._outbox_listeners.remove(tell)

    async def close(self) -> None:
        """Finish the accepted writes, stop listening, and close every connection."""
        # Accepted writes first: their commits may still have something to tell to watchers.
        await self._group_commit.close()
        await self._watchers.close()
        await super().close()

    def _committed(self, marks: Marks) -> None:
        if paths := LOG_GREW.of(marks):
            self._watchers.notify(paths)
        if OUTBOX_GREW.of(marks) and self._outbox_listeners:
            self._outbox_listeners[-1]()

    async def _listen(self, notify: Notify) -> None:
        url = self._engines.url
        own = self._engines.server_processes
        await listen_to_postgres(url, CHANNEL, notify, timeout_s=self._timeout_s, besides=own)

    async def _poll(self, notify: Notify) -> None:
        await poll_sqlite(sqlite_path(self._engines.url), notify)
