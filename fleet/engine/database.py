"""The one door to the database: transactions, group commit, and news of the log.

Everything that can go wrong with the database itself comes out as DatabaseUnavailable, within
about `timeout_s`; it recovers by itself when the database is back.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any, TypeVar

import aiosqlite
import asyncpg  # type: ignore[import-untyped]

from fleet import migrations
from fleet.engine.batches import Batcher
from fleet.engine.engines import POSTGRES_POOL_SIZE, Engines, open_engines, sqlite_path
from fleet.engine.pools import Lane
from fleet.engine.statements import Tx
from fleet.engine.unavailable import DatabaseUnavailable, as_unavailable, is_unavailable
from fleet.log import notifications as changes
from fleet.log.book import CHANNEL, LOG_GREW
from fleet.log.notifications import Changes, Hub, Tell
from fleet.wakeups import OUTBOX_GREW

__all__ = ["Changes", "Database", "DatabaseUnavailable", "Tx"]

T = TypeVar("T")

POSTGRES_BATCHES = 4
"""Shared transactions that may run at once; SQLite has one writer."""


class Database:
    """An open database. Use one per process, and close it."""

    def __init__(self, engines: Engines, *, timeout_s: float) -> None:
        self._engines = engines
        self._timeout_s = timeout_s
        self._outbox: list[Callable[[], None]] = []
        postgres = engines.dialect == "postgresql"
        self._batcher = Batcher(self.write, at_once=POSTGRES_BATCHES if postgres else 1)
        self._hub = Hub(self._listen if postgres else self._poll, echo=postgres)

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
        synchronous: SQLite only: "NORMAL" survives the death of processes, "FULL" also that of
            the machine.

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

    @property
    def dialect(self) -> str:
        """ "sqlite" or "postgresql"."""
        return self._engines.dialect

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Tx]:
        """A write transaction: committed on a clean exit, rolled back on an exception.

        Raises: DatabaseUnavailable.
        """
        async with self._connected(self._engines.writer) as tx:
            await self._engines.writer.begin(tx)
            yield tx
            await self._engines.writer.commit(tx)
            if paths := tx.info.pop(LOG_GREW, None):
                self._hub.tell(paths)
            if tx.info.pop(OUTBOX_GREW, False):
                for tell in self._outbox[-1:]:
                    tell()

    def read(self) -> AbstractAsyncContextManager[Tx]:
        """A connection for reading. On SQLite what it reads is of one moment.

        Raises: DatabaseUnavailable.
        """
        return self._connected(self._engines.reader)

    async def batch(self, op: Callable[[Tx], Awaitable[T]]) -> T:
        """Run a small write in a transaction shared with others; returns after the commit.

        An `op` that raises is rolled back alone. `op` awaits nothing but this database, and may
        run twice (the first run is rolled back then).

        Raises: DatabaseUnavailable, or what `op` raised.
        """
        return await self._batcher.run(op)

    def watch(self) -> AbstractAsyncContextManager[Changes]:
        """News of the log, for as long as the context lasts."""
        return self._hub.watch()

    @contextmanager
    def on_outbox(self, tell: Callable[[], None]) -> Iterator[None]:
        """Calls `tell` after each commit of this process that added a wake-up.

        Only who came last is told: two that deliver the same outbox would deliver it twice.
        """
        self._outbox.append(tell)
        try:
            yield
        finally:
            self._outbox.remove(tell)

    async def close(self) -> None:
        """Finish the accepted writes and close every connection."""
        await self._batcher.close()
        await self._hub.close()
        await self._engines.dispose()

    @asynccontextmanager
    async def _connected(self, lane: Lane) -> AsyncIterator[Tx]:
        connection = await self._connect(lane)
        reusable = False
        try:
            yield connection
            reusable = True
        except Exception as error:
            if not connection.invalidated:
                connection.info.pop(LOG_GREW, None)
                connection.info.pop(OUTBOX_GREW, None)
            if is_unavailable(error):
                raise as_unavailable(error) from error
            reusable = True
            raise
        finally:
            try:
                await lane.give_back(connection, reusable=reusable)
            finally:
                lane.line.release()

    async def _connect(self, lane: Lane) -> Tx:
        """Wait in line, then connect. The caller releases the line."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await lane.line.acquire()
                try:
                    return await lane.take()
                except BaseException:
                    lane.line.release()
                    raise
        except Exception as error:
            if is_unavailable(error):
                raise as_unavailable(error) from error
            raise

    async def _listen(self, tell: Tell) -> None:
        """Until the connection is lost: tell every notification of PostgreSQL."""
        url = self._engines.url
        options: dict[str, Any] = dict(url.query)
        if "sslmode" in options:
            options["ssl"] = options.pop("sslmode")
        host = options.pop("host", url.host)
        connection = await asyncpg.connect(
            host=host,
            port=url.port,
            user=url.username,
            password=url.password,
            database=url.database,
            timeout=self._timeout_s,
            **options,
        )
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(CHANNEL, lambda *said: tell((said[-1],)))
            tell(())
            await lost.wait()
        finally:
            connection.terminate()

    async def _poll(self, tell: Tell) -> None:
        """Tell every commit of another connection to the SQLite file."""
        path = sqlite_path(self._engines.url)
        async with aiosqlite.connect(path, isolation_level=None) as connection:
            seen: int | None = None
            while True:
                rows = await connection.execute_fetchall("PRAGMA data_version")
                version = next(iter(rows))[0]
                if version != seen:
                    seen = version
                    tell(())
                await asyncio.sleep(changes.SQLITE_POLL_S)
