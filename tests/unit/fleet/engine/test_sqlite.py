"""The SQLite connection that runs short statements on the event loop."""

import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from fleet.engine.sqlite import LoopConnection, connector


async def opened(path: Path, *, writer: bool = True) -> LoopConnection:
    return await connector(path, writer=writer, timeout_s=1.0, synchronous="NORMAL")()


def where(_: sqlite3.Connection) -> str:
    return threading.current_thread().name


async def test_short_statements_run_on_the_event_loop(tmp_path: Path) -> None:
    connection = await opened(tmp_path / "x.db")
    assert await connection.run("SELECT 1", where) == threading.current_thread().name
    await connection.close()


async def test_statements_without_an_answer_run_with_the_next_one(tmp_path: Path) -> None:
    connection = await opened(tmp_path / "x.db")
    connection.defer("BEGIN IMMEDIATE")
    assert await connection.run("SAVEPOINT one", where) is None
    assert await connection.run("CREATE TABLE t (a)", lambda raw: raw.in_transaction)
    await connection.close()


async def test_a_transaction_that_ran_nothing_never_reaches_sqlite(tmp_path: Path) -> None:
    connection, other = await opened(tmp_path / "x.db"), await opened(tmp_path / "x.db")
    connection.defer("BEGIN IMMEDIATE")
    other.defer("BEGIN IMMEDIATE")
    await other.run("CREATE TABLE t (a)", lambda raw: raw.execute("CREATE TABLE t (a)"))
    await connection.commit()
    await other.commit()
    for each in (connection, other):
        await each.close()


async def test_a_closed_connection_says_so_and_its_thread_ends(tmp_path: Path) -> None:
    connection = await opened(tmp_path / "x.db")
    await connection.close()
    await connection.close()
    with pytest.raises(ValueError, match="Connection closed"):
        await connection.run("SELECT 1", where)
    connection.stop()


async def test_a_reader_cannot_write(tmp_path: Path) -> None:
    writer = await opened(tmp_path / "x.db")
    reader = await opened(tmp_path / "x.db", writer=False)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await reader.run("CREATE TABLE t (a)", lambda raw: raw.execute("CREATE TABLE t (a)"))
    for each in (reader, writer):
        await each.close()


async def test_it_does_what_sqlalchemys_dialect_asks_of_a_connection(tmp_path: Path) -> None:
    create = connector(tmp_path / "x.db", writer=True, timeout_s=1.0, synchronous="FULL")
    engine = create_async_engine("sqlite+aiosqlite:///x", async_creator=create)
    async with engine.begin() as tx:
        await tx.execute(text("CREATE TABLE t (a TEXT)"))
        await tx.execute(text("INSERT INTO t VALUES (:a)"), [{"a": "1"}, {"a": "2"}])
    async with engine.connect() as tx:
        assert list(await tx.scalars(text("SELECT a FROM t WHERE a REGEXP '2'"))) == ["2"]
        await tx.exec_driver_sql("BEGIN")
        await tx.execute(text("DELETE FROM t"))
        await tx.rollback()
        assert (await tx.execute(text("SELECT count(*) FROM t"))).scalar_one() == 2
        await tx.invalidate()
    await engine.dispose()
