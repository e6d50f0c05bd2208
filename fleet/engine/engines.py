"""From a database URL to SQLAlchemy's engines, each behind a pool: one to write, one to read.

SQLite: one writer connection (SQLite has one writer at a time anyway; here tasks wait for it in
order) and a few readers, which WAL lets read meanwhile. PostgreSQL: both pools share the same
connections; single reads need no transaction.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from asyncpg import Connection as AsyncpgConnection  # type: ignore[import-untyped]
from sqlalchemy import Connection, event, exc, make_url
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from fleet.engine import sqlite
from fleet.engine.pools import ConnectionPool, PostgresPool, SqlitePool
from fleet.engine.precompiled import check_compiler

POSTGRES_POOL_SIZE = 10
"""How many connections to PostgreSQL one process uses at most, if the settings say nothing."""

SQLITE_READERS = 4
_COMPILED_CACHE = 2_000
_CLOSE_S = 0.1
"""How long a connection to PostgreSQL may take to close."""

_IDLE_IN_TRANSACTION_MS = 15_000
"""PostgreSQL ends a transaction that does nothing for so long: a killed process left it."""


class ImpatientConnection(AsyncpgConnection):  # type: ignore[misc]
    """A connection that closes quickly even when the server hangs: the caller has waited already.

    SQLAlchemy closes a connection that it gives up with a timeout of two seconds, others without.
    """

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncpg's
        """Close; after `_CLOSE_S` without waiting for the server's answer."""
        await super().close(timeout=timeout and min(timeout, _CLOSE_S))


@dataclass(frozen=True, slots=True)
class Engines:
    """The engines of one database, each behind its pool. dialect: "sqlite" or "postgresql".

    server_processes: the processes of the PostgreSQL server that serve open connections of ours.
    """

    dialect: str
    url: URL
    writer: ConnectionPool
    reader: ConnectionPool
    server_processes: Collection[int] = ()

    async def dispose(self) -> None:
        """Close every connection."""
        await self.writer.close()
        await self.reader.close()


def open_engines(text: str | URL, *, timeout_s: float, synchronous: str, pool_size: int) -> Engines:
    """Engines for "sqlite:///path" or "postgresql://user:password@host/name".

    Raises: ValueError for another kind of URL, or a SQLite database in memory; CompilerChanged for
        a version of SQLAlchemy that `precompiled` does not know.
    """
    url = make_url(text)
    dialect = url.get_backend_name()
    if dialect == "sqlite":
        path = sqlite_path(url)
        make = partial(_sqlite_engine, path, timeout_s=timeout_s, synchronous=synchronous)
        write_engine = make(writer=True, size=1)
        check_compiler(write_engine.dialect)
        writer = SqlitePool(write_engine, begin="BEGIN IMMEDIATE", size=1)
        reader = SqlitePool(
            make(writer=False, size=SQLITE_READERS), begin="BEGIN", size=SQLITE_READERS
        )
        return Engines(dialect, url, writer, reader)
    if dialect == "postgresql":
        engine = _postgres_engine(url, timeout_s=timeout_s, pool_size=pool_size)
        slots = asyncio.Semaphore(pool_size)
        single = engine.execution_options(isolation_level="AUTOCOMMIT")
        own = _server_processes(engine)
        return Engines(dialect, url, PostgresPool(engine, slots), PostgresPool(single, slots), own)
    raise ValueError(f"a database URL starts with sqlite: or postgresql:, not {dialect}:")


def migration_engine(text: str) -> AsyncEngine:
    """An engine for one migration: one connection, with longer timeouts than the program's own."""
    url = make_url(text)
    if url.get_backend_name() == "sqlite":
        engine = _sqlite_engine(
            sqlite_path(url), writer=True, size=1, timeout_s=60, synchronous="FULL"
        )

        @event.listens_for(engine.sync_engine, "begin")
        def emit_begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

        return engine
    settings = {"application_name": "evcommand-migrate"}
    return create_async_engine(
        driver_url(url),
        poolclass=NullPool,
        connect_args={"timeout": 10, "server_settings": settings},
    )


def sqlite_path(url: URL) -> Path:
    """The file of a SQLite URL. Raises: ValueError for a database in memory."""
    if not url.database or ":memory:" in url.database:
        raise ValueError("several connections share the database: SQLite needs a file")
    return Path(url.database)


def driver_url(url: URL) -> URL:
    """The URL for SQLAlchemy: with the driver asyncpg, and libpq's `sslmode` as asyncpg's `ssl`."""
    query = dict(url.query)
    if "sslmode" in query:
        query["ssl"] = query.pop("sslmode")
    return url.set(drivername="postgresql+asyncpg", query=query)


def _sqlite_engine(
    path: Path, *, writer: bool, size: int, timeout_s: float, synchronous: str
) -> AsyncEngine:
    return create_async_engine(
        f"sqlite+aiosqlite:///{path}",
        async_creator=sqlite.connector(
            path, writer=writer, timeout_s=timeout_s, synchronous=synchronous
        ),
        pool_size=size,
        max_overflow=0,
        pool_timeout=timeout_s,
        query_cache_size=_COMPILED_CACHE,
        hide_parameters=True,  # a statement's error must not tell a token
    )


def _postgres_engine(url: URL, *, timeout_s: float, pool_size: int) -> AsyncEngine:
    engine = create_async_engine(
        driver_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=timeout_s,
        query_cache_size=_COMPILED_CACHE,
        hide_parameters=True,  # a statement's error must not tell a token
        connect_args={
            "connection_class": ImpatientConnection,
            "timeout": timeout_s,
            "command_timeout": timeout_s,
            "prepared_statement_cache_size": 500,
            "server_settings": {
                "application_name": "evcommand",
                "jit": "off",
                "idle_in_transaction_session_timeout": str(_IDLE_IN_TRANSACTION_MS),
            },
        },
    )

    @event.listens_for(engine.sync_engine, "checkout")
    def refuse_closed(dbapi_connection: Any, _record: Any, _proxy: Any) -> None:
        # After a restart of the server the socket is closed: that costs no round trip to see.
        if dbapi_connection.driver_connection.is_closed():
            raise exc.DisconnectionError("the server closed this connection")

    return engine


def _server_processes(engine: AsyncEngine) -> Collection[int]:
    """The server's processes behind the open connections of this engine, now and later."""
    open_ones: set[int] = set()

    @event.listens_for(engine.sync_engine, "connect")
    def opened(dbapi_connection: Any, record: Any) -> None:
        process = dbapi_connection.driver_connection.get_server_pid()
        record.info["server_process"] = process
        open_ones.add(process)

    @event.listens_for(engine.sync_engine, "close")
    def closed(_dbapi_connection: Any, record: Any) -> None:
        open_ones.discard(record.info.pop("server_process", 0))

    return open_ones
