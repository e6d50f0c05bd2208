"""Ways to the database: a line in front of a few connections, and how transactions begin and end.

SQLAlchemy's pool alone is not first come, first served, and lets a waiter starve. On SQLite it also
costs far more than the statements (350 us to take a connection and give it back), so there the
open connections are kept here.
"""

import asyncio
import contextlib
from typing import Protocol

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from fleet.engine.fixed import SqliteConnection
from fleet.engine.statements import Tx


class Lane(Protocol):
    """One way to the database."""

    engine: AsyncEngine
    line: asyncio.Semaphore

    async def take(self) -> Tx:
        """A connection that is ready for statements. Stand in `line` before."""

    async def begin(self, tx: Tx) -> None:
        """Begin a transaction that `commit` ends."""

    async def commit(self, tx: Tx) -> None:
        """Make the transaction durable."""

    async def give_back(self, tx: Tx, *, reusable: bool) -> None:
        """Undo what was not committed. reusable: False gives the connection up."""

    async def close(self) -> None:
        """Close every connection."""


class PostgresLane:
    """Connections of SQLAlchemy's pool."""

    def __init__(self, engine: AsyncEngine, line: asyncio.Semaphore) -> None:
        self.engine = engine
        self.line = line

    async def take(self) -> Tx:
        """See `Lane`."""
        return await self.engine.connect()

    async def begin(self, tx: Tx) -> None:
        """See `Lane`."""
        await tx.begin()

    async def commit(self, tx: Tx) -> None:
        """See `Lane`."""
        await tx.commit()

    async def give_back(self, tx: Tx, *, reusable: bool) -> None:
        """See `Lane`."""
        if not reusable:
            await _drop(tx)
        with contextlib.suppress(TimeoutError, OSError):
            await tx.close()

    async def close(self) -> None:
        """See `Lane`."""
        await self.engine.dispose()


class SqliteLane:
    """Connections that stay open. A transaction begins with the first statement after `take`."""

    def __init__(self, engine: AsyncEngine, *, begin: str, size: int) -> None:
        self.engine = engine
        self.line = asyncio.Semaphore(size)
        self._begin = begin
        self._idle: list[SqliteConnection] = []

    async def take(self) -> Tx:
        """See `Lane`."""
        tx = self._idle.pop() if self._idle else await self._open()
        tx.driver.ride(self._begin)
        return tx

    async def _open(self) -> SqliteConnection:
        connection = SqliteConnection(self.engine)
        await connection.start()
        return connection

    async def begin(self, tx: Tx) -> None:
        """See `Lane`; the words are waiting already."""

    async def commit(self, tx: Tx) -> None:
        """See `Lane`."""
        if tx.in_transaction():
            await tx.commit()
        else:
            await _sqlite(tx).driver.commit()

    async def give_back(self, tx: Tx, *, reusable: bool) -> None:
        """See `Lane`."""
        connection = _sqlite(tx)
        if not reusable:
            await _drop(connection)
            await connection.close()
            return
        if connection.in_transaction():
            await connection.rollback()
        await connection.driver.rollback()
        self._idle.append(connection)

    async def close(self) -> None:
        """See `Lane`."""
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.close()
        await self.engine.dispose()


def _sqlite(tx: Tx) -> SqliteConnection:
    if not isinstance(tx, SqliteConnection):
        raise TypeError(tx)
    return tx


async def _drop(connection: AsyncConnection) -> None:
    """Give the connection up without another word to a server that may not answer."""
    with contextlib.suppress(Exception):
        raw = await connection.get_raw_connection()
        driver = raw.driver_connection
        if isinstance(driver, asyncpg.Connection):
            driver.terminate()
        await connection.invalidate()
