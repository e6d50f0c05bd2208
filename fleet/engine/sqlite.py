"""A SQLite connection for SQLAlchemy that leaves the event loop only to wait.

aiosqlite runs every call (cursor, execute, fetchall, close) as a job of the connection's thread.
Such a hop costs about 100 us; a statement on an index takes about 10 us. So here:

- what may wait runs in the thread: a COMMIT that syncs the disk, a BEGIN IMMEDIATE that finds the
  lock taken, and a read that turns out to be long (SQLite's progress handler stops it after about a
  millisecond, and it starts again in the thread);
- everything else runs at once: statements of a write transaction are single rows on an index, and
  a COMMIT with synchronous=NORMAL appends to SQLite's log without a sync. The sync comes with the
  checkpoint, which is therefore not SQLite's own but goes with a COMMIT in the thread;
- statements that answer nothing (BEGIN, SAVEPOINT, RELEASE) are deferred and run with the next one.
  A transaction that never runs a real statement never reaches SQLite.

Measured (`python -m bench statement-cost`, us of CPU, statements run by SQLAlchemy, aiosqlite's
connection -> this one): one statement 315 -> 152, one read with its connection 386 -> 269, one
change of the log in a transaction of its own 1216 -> 661.

Writers begin with BEGIN IMMEDIATE. SQLite's own busy handler sleeps up to 100 ms between tries and
starves when other processes write without a pause; here it is tried every few milliseconds.

SQLAlchemy's dialect `sqlite+aiosqlite` is given this connection in place of aiosqlite's. What the
dialect calls is all here: `cursor`, `commit`, `rollback`, `close`, `stop`, `create_function`, and
the attribute `_connection`. No attribute of aiosqlite is used.
"""

import asyncio
import random
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from fleet.engine.unavailable import is_busy

T = TypeVar("T")

_DEFERRED = ("SAVEPOINT", "RELEASE", "BEGIN")
_BEGIN_WRITE = "BEGIN IMMEDIATE"
_CACHED_STATEMENTS = 512
_LONG_READ_STEPS = 20_000
"""Steps of SQLite's machine that a read may take on the event loop: about a millisecond."""

_CHECKPOINT_STATEMENTS = 1_000
"""How many statements may be in SQLite's log before a COMMIT brings them into the file."""

_SQLITE_INTERRUPT = 9

Answered = tuple[list[Any], int]
"""The rows of a statement, and how many it changed."""

LOCK_PAUSE_S = (0.0005, 0.003)
"""Pause between two tries to take SQLite's lock: random between these, so that all take turns."""


class ConnectionThread:
    """The one thread of a connection, started when it is first needed."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="fleet-sqlite")

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` after everything that was given to the thread before."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def end(self, last: Callable[[], object]) -> None:
        """Run `last` after everything else, then end the thread. Does not wait."""
        self._executor.submit(last)
        self._executor.shutdown(wait=False)


class LoopConnection:
    """A SQLite connection that runs short statements at once and waits in its thread.

    writer: it may write; False: it only reads, and long reads move to the thread.
    syncs: whether a COMMIT syncs the disk.
    busy_timeout_s: how long to wait for the lock that another process holds.
    """

    def __init__(
        self,
        raw: sqlite3.Connection,
        thread: ConnectionThread,
        *,
        writer: bool,
        syncs: bool,
        busy_timeout_s: float,
    ) -> None:
        self._connection: sqlite3.Connection | None = raw  # None: closed. SQLAlchemy asks for it
        self._raw = raw
        self._thread = thread
        self._writer = writer
        self._syncs = syncs
        self._logged = 0
        self._busy_timeout_s = busy_timeout_s
        self._deferred: list[str] = []
        self._on_loop = False
        if not writer:
            raw.set_progress_handler(self._is_long, _LONG_READ_STEPS)

    def cursor(self) -> "_Cursor":
        """A cursor that costs nothing to open, read or close."""
        return _Cursor(self)

    def defer(self, *statements: str) -> None:
        """Run statements without an answer together with the next one."""
        self._deferred.extend(statements)

    async def run(self, sql: str, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """Run the deferred statements and then `work`; None when `sql` is deferred itself.

        Raises: ValueError when the connection is closed; sqlite3.Error.
        """
        if self._connection is None:
            raise ValueError("Connection closed")  # the words that SQLAlchemy's dialect knows
        if sql.startswith(_DEFERRED):
            self._deferred.append(sql)
            return None
        await self._run_deferred()
        if not self._writer:
            return await self._read(work)
        self._logged += 1
        return work(self._raw)

    async def fetch(self, sql: str, parameters: Sequence[Any]) -> Answered:
        """As `run`, for one statement that is never deferred: its rows, and how many it changed."""
        if self._connection is None:
            raise ValueError("Connection closed")
        if self._deferred:
            await self._run_deferred()
        if not self._writer:
            return await self._read(partial(_fetched, sql, parameters))
        self._logged += 1
        return _fetched(sql, parameters, self._raw)

    async def _run_deferred(self) -> None:
        deferred, self._deferred = self._deferred, []
        for statement in deferred:
            if statement == _BEGIN_WRITE:
                await self._begin_write()
            else:
                self._raw.execute(statement)

    async def commit(self) -> None:
        """Commit what reached SQLite; a transaction whose BEGIN is still deferred is forgotten."""
        deferred, self._deferred = self._deferred, []
        if not self._raw.in_transaction:
            return
        for statement in deferred:
            self._raw.execute(statement)
        if self._syncs:
            await self._thread.run(self._raw.commit)
        elif self._logged >= _CHECKPOINT_STATEMENTS:
            self._logged = 0
            await self._thread.run(partial(_commit_and_checkpoint, self._raw))
        else:
            self._raw.commit()

    async def rollback(self) -> None:
        """Roll back what reached SQLite."""
        self._deferred = []
        if self._raw.in_transaction:
            self._raw.rollback()

    async def create_function(self, *args: Any, **options: Any) -> None:
        """Add an SQL function. SQLAlchemy adds one to each new connection."""
        self._raw.create_function(*args, **options)

    async def close(self) -> None:
        """Close after everything that still runs in the thread."""
        if self._connection is None:
            return
        self._connection = None
        try:
            await self._thread.run(self._raw.close)
        finally:
            self._thread.end(partial(_close_all, []))

    def stop(self) -> None:
        """As `close`, without waiting for it."""
        if self._connection is not None:
            self._connection = None
            self._thread.end(self._raw.close)

    def _is_long(self) -> bool:
        """SQLite asks this every so many steps of a read: True interrupts a read on the loop."""
        return self._on_loop

    async def _begin_write(self) -> None:
        begin = partial(self._raw.execute, _BEGIN_WRITE)
        try:
            begin()
        except sqlite3.OperationalError as error:
            if not is_busy(error):
                raise
            await self._thread.run(partial(_until_free, self._busy_timeout_s, begin))

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        self._on_loop = True
        try:
            return work(self._raw)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != _SQLITE_INTERRUPT:
                raise
        finally:
            self._on_loop = False
        # It was long: once more from its beginning, in the thread.
        return await self._thread.run(partial(work, self._raw))


class _Cursor:
    """A cursor as SQLAlchemy's dialect needs it: one statement and all its rows."""

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
    """A function that opens a connection to this file: SQLAlchemy's `async_creator`.

    timeout_s: how long a connection waits for a lock of another process.
    synchronous: "NORMAL" or "FULL", as in `PRAGMA synchronous`.
    """

    def connect(opened: list[sqlite3.Connection]) -> sqlite3.Connection:
        raw = sqlite3.connect(
            path,
            # A writer tries by itself (`_until_free`); a reader hardly ever waits in WAL mode.
            timeout=0 if writer else timeout_s,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=_CACHED_STATEMENTS,
        )
        opened.append(raw)
        _until_free(timeout_s, partial(_configure, raw, writer, synchronous))
        return raw

    async def create() -> LoopConnection:
        thread, opened = ConnectionThread(), list[sqlite3.Connection]()
        try:
            raw = await thread.run(partial(connect, opened))
        except BaseException:
            # Failed, or cancelled while the thread is still connecting: it closes what it opens.
            thread.end(partial(_close_all, opened))
            raise
        return LoopConnection(
            raw, thread, writer=writer, syncs=synchronous != "NORMAL", busy_timeout_s=timeout_s
        )

    return create


def _fetched(sql: str, parameters: Sequence[Any], connection: sqlite3.Connection) -> Answered:
    cursor = connection.execute(sql, parameters)
    return cursor.fetchall(), cursor.rowcount


def _close_all(connections: list[sqlite3.Connection]) -> None:
    for connection in connections:
        connection.close()


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
    """Commit, then checkpoint. A checkpoint that fails (a reader, no room) undoes no commit."""
    connection.commit()
    with suppress(sqlite3.Error):
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def _until_free(timeout_s: float, attempt: Callable[[], object]) -> None:
    """Try until nobody else holds the lock. Sleeps: for the connection's thread only.

    Raises: sqlite3.OperationalError (busy) when the time is over, or another error at once.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            attempt()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() >= deadline:
                raise
            time.sleep(random.uniform(*LOCK_PAUSE_S))  # noqa: S311 - jitter, no secret
        else:
            return
