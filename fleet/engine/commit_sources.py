"""Where a process hears of commits of other processes: a PostgreSQL channel, or the SQLite file.

A source runs until it is cancelled or its connection is lost, and calls `notify` at every commit
that it hears of. It calls `notify(())` when it cannot tell what was written: once at its start,
because commits before it are unknown, and on SQLite always.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from pathlib import Path
from typing import Any

import aiosqlite
import asyncpg  # type: ignore[import-untyped]
from sqlalchemy.engine import URL

SQLITE_POLL_S = 0.05
"""How often the SQLite file is asked for commits of other connections."""

Notify = Callable[[Iterable[str]], None]
"""Called with the payloads of what was committed; with none when they are not known."""

CommitSource = Callable[[Notify], Awaitable[None]]
"""Calls its argument at every commit, until it is cancelled or the database is lost."""


async def listen_to_postgres(
    url: URL, channel: str, notify: Notify, *, timeout_s: float, besides: Collection[int] = ()
) -> None:
    """Call `notify` with the payload of each notification on the channel.

    besides: the server processes whose notifications are not wanted, because they are this
        process's own connections and their commits are told already.

    Returns when the connection is lost.

    Raises: OSError, TimeoutError or an error of asyncpg when it cannot connect.
    """
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
        timeout=timeout_s,
        **options,
    )
    lost = asyncio.Event()
    try:
        connection.add_termination_listener(lambda _: lost.set())

        def heard(_connection: Any, server_process: int, _channel: str, payload: str) -> None:
            if server_process not in besides:
                notify((payload,))

        await connection.add_listener(channel, heard)
        # Commits before LISTEN were not heard: the listeners look once by themselves.
        notify(())
        await lost.wait()
    finally:
        connection.terminate()


async def poll_sqlite(path: Path, notify: Notify) -> None:
    """Call `notify` after every commit of another connection to the file.

    Raises: sqlite3.Error when the file cannot be read.
    """
    async with aiosqlite.connect(path, isolation_level=None) as connection:
        seen: int | None = None
        while True:
            rows = await connection.execute_fetchall("PRAGMA data_version")
            version = next(iter(rows))[0]
            if version != seen:
                seen = version
                notify(())
            await asyncio.sleep(SQLITE_POLL_S)
