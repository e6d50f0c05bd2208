"""A SQLite connection for SQLAlchemy's aiosqlite dialect that costs one thread hop a statement.

aiosqlite runs each call (cursor, execute, fetchall, close) as a job of the connection's thread; a
statement takes four hops, and a hop costs more than the statement. Here a statement with all its
rows is one job, and statements that answer nothing (BEGIN, SAVEPOINT, RELEASE) wait and ride along
with the next one. A transaction that never ran a real statement never reached SQLite.

Writers begin with BEGIN IMMEDIATE. SQLite's own busy handler sleeps up to 100 ms between tries
and starves when other processes write without a pause, so the tries are made here, every few
milliseconds, until the deadline.
"""

import random
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from fleet.unavailable import is_busy

T = TypeVar("T")

_RIDERS = ("SAVEPOINT", "RELEASE", "BEGIN")
_BUSY_TRY_MS = 4
_CACHED_STATEMENTS = 512


class OneHopConnection(aiosqlite.Connection):
    """An aiosqlite connection whose statements are one job each."""

    def __init__(self, connector: Callable[[], sqlite3.Connection], busy_timeout_s: float) -> None:
        super().__init__(connector, iter_chunk_size=64)
        self._busy_timeout_s = busy_timeout_s
        self._riders: list[str] = []

    def cursor(self) -> "_Cursor":  # type: ignore[override]
        """A cursor that needs no hop to open, read or close."""
        return _Cursor(self)

    async def run(self, sql: str, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """Run the waiting statements and then `work` in one hop; None when `sql` waits itself."""
        if sql.startswith(_RIDERS):
            self._riders.append(sql)
            return None
        riders, self._riders = self._riders, []
        return await self._execute(partial(self._job, riders, work))  # type: ignore[no-any-return]

    async def commit(self) -> None:
        """Commit what reached SQLite; a transaction that is still waiting is forgotten."""
        riders, self._riders = self._riders, []
        if riders and riders[0].startswith("BEGIN"):
            return
        await self._execute(partial(self._job, riders, sqlite3.Connection.commit))

    async def rollback(self) -> None:
        """Roll back what reached SQLite."""
        riders, self._riders = self._riders, []
        if riders and riders[0].startswith("BEGIN"):
            return
        await self._execute(self._conn.rollback)

    def _job(self, riders: Sequence[str], work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._conn
        for rider in riders:
            if rider.startswith("BEGIN IMMEDIATE"):
                _begin_immediate(connection, self._busy_timeout_s)
            else:
                connection.execute(rider)
        return work(connection)


class _Cursor:
    """What the dialect needs of a cursor, filled by one hop."""

    arraysize = 1

    def __init__(self, connection: OneHopConnection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> "_Cursor":
        return self

    async def execute(self, sql: str, parameters: Iterable[Any] = ()) -> "_Cursor":
        def work(connection: sqlite3.Connection) -> tuple[Any, list[Any], int, int | None]:
            cursor = connection.execute(sql, parameters)  # type: ignore[arg-type]
            rows = cursor.fetchall() if cursor.description else []
            return cursor.description, rows, cursor.rowcount, cursor.lastrowid

        done = await self._connection.run(sql, work)
        if done is not None:
            self.description, self._rows, self.rowcount, self.lastrowid = done
        return self

    async def executemany(self, sql: str, parameters: Iterable[Any]) -> "_Cursor":
        def work(connection: sqlite3.Connection) -> int:
            return connection.executemany(sql, parameters).rowcount

        self.rowcount = await self._connection.run(sql, work) or 0
        return self

    async def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        self._rows = []


def connector(
    path: Path, *, writer: bool, timeout_s: float, synchronous: str
) -> Callable[[], OneHopConnection]:
    """What opens a connection of this file, as SQLAlchemy's `async_creator` wants it."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            path,
            timeout=_BUSY_TRY_MS / 1000 if writer else timeout_s,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=_CACHED_STATEMENTS,
        )
        _configure(connection, writer=writer, timeout_s=timeout_s, synchronous=synchronous)
        return connection

    async def create() -> OneHopConnection:
        connection = OneHopConnection(connect, timeout_s)
        connection._thread.daemon = True
        return await connection

    return create  # type: ignore[return-value]


def _configure(
    connection: sqlite3.Connection, *, writer: bool, timeout_s: float, synchronous: str
) -> None:
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        _until_free(timeout_s, lambda: connection.execute("PRAGMA journal_mode=WAL"))
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA cache_size=-16000")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute("PRAGMA journal_size_limit=67108864")
    if not writer:
        connection.execute("PRAGMA query_only=ON")


def _begin_immediate(connection: sqlite3.Connection, timeout_s: float) -> None:
    _until_free(timeout_s, lambda: connection.execute("BEGIN IMMEDIATE"))


def _until_free(timeout_s: float, attempt: Callable[[], object]) -> None:
    """Try until nobody else holds the lock; in the connection's thread, so it may sleep."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            attempt()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() >= deadline:
                raise
            time.sleep(random.uniform(0.0005, 0.003))  # noqa: S311 - jitter, no secret
        else:
            return
