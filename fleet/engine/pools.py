"""Pools of connections: first come, first served, and how transactions begin and end.

SQLAlchemy's pool alone is not first come, first served, and lets a waiting task starve. So a task
waits for one of the pool's `slots` before it takes a connection. On SQLite SQLAlchemy's pool also
costs far more than the statements (350 us to take a connection and give it back), so there the open
connections are kept here.
"""

import asyncio
import contextlib
from typing import Protocol

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from fleet.engine.precompiled import SqliteConnection
from fleet.engine.statements import Tx


class ConnectionPool(Protocol):
    """A few connections to one database.

    slots: acquire one before `take`, release it after `give_back`. Waiting tasks get them in order.
    """

    engine: AsyncEngine
    slots: asyncio.Semaphore

    @property
    def at_hand(self) -> bool:
        """Whether neither the next `slots.acquire` nor the next `take` waits for anything."""

    async def take(self) -> Tx:
        """A connection that is ready for statements. The caller holds a slot."""

    async def begin(self, tx: Tx) -> None:
        """Begin a transaction that `commit` ends."""

    async def commit(self, tx: Tx) -> None:
        """Make the transaction durable."""

    async def give_back(self, tx: Tx, *, reusable: bool) -> None:
        """Undo what was not committed. reusable: False closes the connection for good."""

    async def close(self) -> None:
        """Close every connection."""


class PostgresPool:
    """Connections of SQLAlchemy's pool."""

    at_hand = False

    def __init__(self, engine: AsyncEngine, slots: asyncio.Semaphore) -> None:
        self.engine = engine
        self.slots = slots

    async def take(self) -> Tx:
        """See `ConnectionPool`."""
        return await self.engine.connect()

    async def begin(self, tx: Tx) -> None:
        """See `ConnectionPool`."""
        await tx.begin()

    async def commit(self, tx: Tx) -> None:
        """See `ConnectionPool`."""
        await tx.commit()

    async def give_back(self, tx: Tx, *, reusable: bool) -> None:
        """See `ConnectionPool`."""
        if not reusable:
            await _drop(tx)
        with contextlib.suppress(TimeoutError, OSError):
            await tx.close()

    async def close(self) -> None:
        """See `ConnectionPool`."""
        await self.engine.dispose()


class SqlitePool:
    """Connections that stay open. A transaction begins with the first statement after `take`.

    begin: the statement that begins one. size: how many connections there may be.
    """

    def __init__(self, engine: AsyncEngine, *, begin: str, size: int) -> None:
        self.engine = engine
        self.slots = asyncio.Semaphore(size)
        self._begin = begin
        self._idle: list[SqliteConnection] = []

    @property
    def at_hand(self) -> bool:
        """See `ConnectionPool`."""
        return bool(self._idle) and not self.slots.locked()

    async def take(self) -> Tx:
        """See `ConnectionPool`."""
        tx = self._idle.pop() if self._idle else await self._open()
        tx.driver.defer(self._begin)
        return tx

    async def begin(self, tx: Tx) -> None:
        """See `ConnectionPool`; `take` has deferred the statement already."""

    async def commit(self, tx: Tx) -> None:
        """See `ConnectionPool`."""
        # SQLAlchemy knows of a transaction only when it ran a statement itself: precompiled
        # statements go past it, and then the driver itself commits.
        if tx.in_transaction():
            await tx.commit()
        else:
            await _sqlite(tx).driver.commit()

    async def give_back(self, tx: Tx, *, reusable: bool) -> None:
        """See `ConnectionPool`."""
        connection = _sqlite(tx)
        if not reusable:
            await _drop(connection)
            await connection.close()
            return
        # Both, as in `commit`: the second one undoes what SQLAlchemy does not know of.
        if connection.in_transaction():
            await connection.rollback()
        await connection.driver.rollback()
        self._idle.append(connection)

    async def close(self) -> None:
        """See `ConnectionPool`."""
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.close()
        await self.engine.dispose()

    async def _open(self) -> SqliteConnection:
        connection = SqliteConnection(self.engine)
        await connection.start()
        return connection


def _sqlite(tx: Tx) -> SqliteConnection:
    if not isinstance(tx, SqliteConnection):
        raise TypeError(tx)
    return tx


async def _drop(connection: AsyncConnection) -> None:
    """Close the connection without another word to a server that may not answer."""
    with contextlib.suppress(Exception):
        raw = await connection.get_raw_connection()
        driver = raw.driver_connection
        if isinstance(driver, asyncpg.Connection):
            driver.terminate()
        await connection.invalidate()
