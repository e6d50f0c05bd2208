"""Transactions on one open database: reads, writes, and group commit of small writes.

Everything that can go wrong with the database itself comes out as DatabaseUnavailable, within
about `timeout_s`; it recovers by itself when the database is back. An error of the caller inside a
transaction comes out as it is, after the rollback.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TypeVar

from fleet.engine.commit_marks import Marks, take_marks
from fleet.engine.engines import Engines
from fleet.engine.group_commit import GroupCommit
from fleet.engine.pools import ConnectionPool
from fleet.engine.statements import Tx
from fleet.engine.unavailable import as_unavailable, is_unavailable

T = TypeVar("T")

POSTGRES_BATCHES = 4
"""How many shared transactions may run at once on PostgreSQL. SQLite has one writer."""


class SqlDatabase:
    """Transactions on one database.

    on_commit: called after each commit of this process that left marks, with these marks.
    """

    def __init__(
        self, engines: Engines, *, timeout_s: float, on_commit: Callable[[Marks], None]
    ) -> None:
        self._engines = engines
        self._timeout_s = timeout_s
        self._on_commit = on_commit
        postgres = engines.dialect == "postgresql"
        self._group_commit = GroupCommit(self.write, at_once=POSTGRES_BATCHES if postgres else 1)
        self._looks = None if postgres else GroupCommit(self.read, at_once=1)

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
            # Only now: the listener reads the tables, and must see the commit.
            if marks := take_marks(tx):
                self._on_commit(marks)

    def read(self) -> AbstractAsyncContextManager[Tx]:
        """A connection for reading. On SQLite all its reads see the same moment.

        Raises: DatabaseUnavailable.
        """
        return self._connected(self._engines.reader)

    async def batch(self, op: Callable[[Tx], Awaitable[T]]) -> T:
        """Run a small write in a transaction shared with others; returns after the commit.

        An `op` that raises is rolled back alone. `op` awaits nothing but this database, and may
        run twice (the first run is rolled back then). It runs in the task of another write: it must
        not read a context variable, such as the caller of a call.

        Raises: DatabaseUnavailable, or what `op` raised.
        """
        return await self._group_commit.run(op)

    async def look(self, op: Callable[[Tx], Awaitable[T]]) -> T:
        """Run a small read beside others that are asked for at the same moment.

        On SQLite they share a transaction: to begin and to end one costs more than a row. On
        PostgreSQL each has its own connection. What holds for `op` in `batch` holds here, too.

        Raises: DatabaseUnavailable, or what `op` raised.
        """
        if self._looks is not None:
            return await self._looks.run(op)
        async with self.read() as tx:
            return await op(tx)

    async def close(self) -> None:
        """Finish the accepted writes and close every connection."""
        await self._group_commit.close()
        if self._looks is not None:
            await self._looks.close()
        await self._engines.dispose()

    def _connected(self, pool: ConnectionPool) -> "_Lent":
        return _Lent(partial(self._connect, pool), pool)

    async def _connect(self, pool: ConnectionPool) -> Tx:
        """Wait for a slot, then take a connection. The caller releases the slot."""
        if pool.at_hand:  # a limit of time costs as much as a statement
            await pool.slots.acquire()
            return await pool.take()
        try:
            async with asyncio.timeout(self._timeout_s):
                await pool.slots.acquire()
                try:
                    return await pool.take()
                except BaseException:
                    pool.slots.release()
                    raise
        except Exception as error:
            if is_unavailable(error):
                raise as_unavailable(error) from error
            raise


class _Lent:
    """A connection of the pool, which goes back to it at the end.

    It is reused after a clean end and after an error of the caller. It is dropped when the
    database failed and when the task was cancelled: the state of the connection is unknown
    then, and a cancelled task must not wait for it.
    """

    __slots__ = ("_connect", "_pool", "_tx")

    _tx: Tx

    def __init__(self, connect: Callable[[], Awaitable[Tx]], pool: ConnectionPool) -> None:
        self._connect = connect
        self._pool = pool

    async def __aenter__(self) -> Tx:
        self._tx = await self._connect()
        return self._tx

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        failed = isinstance(error, Exception) and is_unavailable(error)
        try:
            if isinstance(error, Exception) and not self._tx.invalidated:
                take_marks(self._tx)  # of what is rolled back no listener hears
            reusable = error is None or (isinstance(error, Exception) and not failed)
            await self._pool.give_back(self._tx, reusable=reusable)
        finally:
            self._pool.slots.release()
        if failed and error is not None:
            raise as_unavailable(error) from error
