"""A SQLite connection for SQLAlchemy's aiosqlite dialect that leaves the event loop only to wait.

aiosqlite runs every call (cursor, execute, fetchall, close) as a job of the connection's thread.
Such a hop costs about 100 us, a statement on an index about 10 us. So here:

- what may wait runs in the thread: a COMMIT that syncs the disk, a BEGIN IMMEDIATE that finds the
  lock taken, and a read that turns out to be long (SQLite's progress handler stops it after about a
  millisecond, and it starts again in the thread);
- everything else runs at once: statements of a write transaction are single rows on an index, and
  a COMMIT with synchronous=NORMAL appends to the log without a sync. The sync comes with the
  checkpoint, which is therefore not SQLite's own but goes with a COMMIT in the thread;
- statements that answer nothing (BEGIN, SAVEPOINT, RELEASE) wait and go with the next one. A
  transaction that never ran a real statement never reaches SQLite.

Writers begin with BEGIN IMMEDIATE. SQLite's own busy handler sleeps up to 100 ms between tries and
starves when other processes write without a pause; here it is tried every few milliseconds.
"""

import random
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from fleet.engine.unavailable import is_busy

T = TypeVar("T")

_RIDERS = ("SAVEPOINT", "RELEASE", "BEGIN")
_BEGIN_WRITE = "BEGIN IMMEDIATE"
_CACHED_STATEMENTS = 512
_LONG_READ_STEPS = 20_000
"""Steps of SQLite's machine that a read may take on the event loop: about a millisecond."""

_CHECKPOINT_STATEMENTS = 1_000
"""How many statements may be in the log before the next COMMIT brings them into the file."""

_SQLITE_INTERRUPT = 9
_THREAD_ENDS_S = 1.0


class LoopConnection(aiosqlite.Connection):
    """An aiosqlite connection that runs short statements at once and waits in its thread."""

    def __init__(
        self,
        connector: Callable[[], sqlite3.Connection],
        *,
        writer: bool,
        syncs: bool,
        busy_timeout_s: float,
    ) -> None:
        super().__init__(connector, iter_chunk_size=64)
        self._thread.daemon = True
        self._writer = writer
        self._syncs = syncs
        self._logged = 0
        self._busy_timeout_s = busy_timeout_s
        self._riders: list[str] = []
        self._on_loop = False

    def cursor(self) -> "_Cursor":  # type: ignore[override]
        """A cursor that costs nothing to open, read or close."""
        return _Cursor(self)

    def ride(self, *statements: str) -> None:
        """Let statements without an answer wait for the next one, and go with it."""
        self._riders.extend(statements)

    async def run(self, sql: str, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """Run the waiting statements and then `work`; None when `sql` waits itself."""
        if sql.startswith(_RIDERS):
            self._riders.append(sql)
            return None
        riders, self._riders = self._riders, []
        for rider in riders:
            if rider == _BEGIN_WRITE:
                await self._begin_write()
            else:
                self._conn.execute(rider)
        if not self._writer:
            return await self._read(work)
        self._logged += 1
        return work(self._conn)

    async def commit(self) -> None:
        """Commit what reached SQLite; a transaction that is still waiting is forgotten."""
        riders, self._riders = self._riders, []
        if self._conn.in_transaction:
            for rider in riders:
                self._conn.execute(rider)
            if self._syncs:
                await self._in_thread(self._conn.commit)
            elif self._logged >= _CHECKPOINT_STATEMENTS:
                self._logged = 0
                await self._in_thread(partial(_commit_and_checkpoint, self._conn))
            else:
                self._conn.commit()

    async def rollback(self) -> None:
        """Roll back what reached SQLite."""
        self._riders = []
        if self._conn.in_transaction:
            self._conn.rollback()

    def end_thread(self) -> None:
        """After a connection that failed: see its thread end, before the loop may be closed."""
        self._thread.join(_THREAD_ENDS_S)

    def is_long(self) -> bool:
        """Asked by SQLite every so many steps: True stops the statement."""
        return self._on_loop

    async def _begin_write(self) -> None:
        begin = partial(self._conn.execute, _BEGIN_WRITE)
        try:
            begin()
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
            await self._in_thread(partial(_until_free, self._busy_timeout_s, begin))

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        self._on_loop = True
        try:
            return work(self._conn)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != _SQLITE_INTERRUPT:
                raise
        finally:
            self._on_loop = False
        return await self._in_thread(partial(work, self._conn))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        result: T = await self._execute(work)  # type: ignore[no-untyped-call]
        return result


class _Cursor:
    """What the dialect needs of a cursor: one statement and all its rows."""

    arraysize = 1

    def __init__(self, connection: LoopConnection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> "_Cursor":
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> "_Cursor":
        def work(connection: sqlite3.Connection) -> tuple[Any, list[Any], int, int | None]:
            cursor = connection.execute(sql, parameters)
            rows = cursor.fetchall() if cursor.description else []
            return cursor.description, rows, cursor.rowcount, cursor.lastrowid

        done = await self._connection.run(sql, work)
        if done is not None:
            self.description, self._rows, self.rowcount, self.lastrowid = done
        return self

    async def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> "_Cursor":
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
) -> Callable[[], Awaitable[LoopConnection]]:
    """What opens a connection of this file, as SQLAlchemy's `async_creator` wants it."""

    async def create() -> LoopConnection:
        def connect() -> sqlite3.Connection:
            raw = sqlite3.connect(
                path,
                timeout=0 if writer else timeout_s,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=_CACHED_STATEMENTS,
            )
            _until_free(timeout_s, partial(_configure, raw, writer, synchronous))
            if not writer:
                raw.set_progress_handler(connection.is_long, _LONG_READ_STEPS)
            return raw

        connection = LoopConnection(
            connect, writer=writer, syncs=synchronous != "NORMAL", busy_timeout_s=timeout_s
        )
        try:
            return await connection  # type: ignore[return-value]
        except BaseException:
            connection.end_thread()
            raise

    return create


def _configure(connection: sqlite3.Connection, writer: bool, synchronous: str) -> None:
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA cache_size=-16000")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute("PRAGMA journal_size_limit=67108864")
    if synchronous == "NORMAL":
        connection.execute("PRAGMA wal_autocheckpoint=0")
    if not writer:
        connection.execute("PRAGMA query_only=ON")


def _commit_and_checkpoint(connection: sqlite3.Connection) -> None:
    """What is committed stays so when the checkpoint finds a reader in its way or no room."""
    connection.commit()
    with suppress(sqlite3.Error):
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


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
