"""A database that is gone, hangs, is full or locked: an error within about two seconds."""

import asyncio
import signal
import socket
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from fleet import stations
from fleet.database import Database
from fleet.engine.unavailable import DatabaseUnavailable
from tests.support.databases import Postgres, running_postgres
from tests.support.fleet_rows import NOW, make_station


@pytest.fixture(scope="module")
def frail_server() -> Iterator[Postgres]:
    """A server of our own, to be stopped in mid-work."""
    with running_postgres() as server:
        yield server


@pytest.fixture
async def frail(frail_server: Postgres) -> AsyncIterator[Database]:
    """A fleet on that server."""
    async with frail_server.fresh() as url:
        db = await Database.open(url)
        yield db
        await db.close()


@contextmanager
def frozen(server: Postgres) -> Iterator[None]:
    """The server neither runs nor answers; its sockets stay open."""
    postmaster = psutil.Process(server.pid)
    family = [postmaster, *postmaster.children(recursive=True)]
    for process in family:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in family:
            process.send_signal(signal.SIGCONT)


async def write(db: Database) -> None:
    async with db.write() as tx:
        await stations.update(tx, "CP1", now=NOW, location="x")


async def read(db: Database) -> None:
    async with db.read() as tx:
        await stations.get(tx, "CP1")


async def batch(db: Database) -> None:
    await db.batch(lambda tx: stations.update(tx, "CP1", now=NOW, location="x"))


async def refuses_within(db: Database, seconds: float) -> None:
    """Reading, writing and batches are all refused in time."""
    loop = asyncio.get_running_loop()
    for way in (write, read, batch):
        began = loop.time()
        with pytest.raises(DatabaseUnavailable):
            await way(db)
        assert loop.time() - began < seconds, way.__name__


async def works_again(db: Database) -> None:
    async with asyncio.timeout(20):
        for way in (write, read, batch):
            while True:
                try:
                    await way(db)
                    break
                except DatabaseUnavailable:
                    continue


async def test_a_server_that_is_not_there_is_unavailable_at_once() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    url = f"postgresql://postgres@127.0.0.1:{port}/x"
    with pytest.raises(DatabaseUnavailable):
        await Database.open(url)
    db = await Database.open(url, migrate=False)
    await refuses_within(db, 2.5)
    await db.close()


async def test_a_server_that_accepts_and_says_nothing_is_unavailable_in_two_seconds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        db = await Database.open(f"postgresql://postgres@127.0.0.1:{port}/x", migrate=False)
        await refuses_within(db, 2.5)
        await db.close()


async def test_a_server_that_hangs_is_unavailable_and_recovers(
    frail: Database, frail_server: Postgres
) -> None:
    await write(frail)
    with frozen(frail_server):
        await refuses_within(frail, 3.0)
    await works_again(frail)


async def test_a_restarted_server_is_found_again(frail: Database, frail_server: Postgres) -> None:
    await write(frail)
    await frail_server.administer(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname LIKE 'evcommand_%'"
    )
    await works_again(frail)


async def test_a_locked_sqlite_file_is_unavailable_in_time_and_recovers(tmp_path: Path) -> None:
    path = tmp_path / "fleet.db"
    db = await Database.open(f"sqlite:///{path}", timeout_s=0.3)
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    for way in (write, batch):
        with pytest.raises(DatabaseUnavailable, match="locked"):
            await way(db)
    await read(db)
    blocker.execute("ROLLBACK")
    blocker.close()
    await works_again(db)
    await db.close()


async def test_a_full_disk_is_unavailable_and_nothing_is_half_written(tmp_path: Path) -> None:
    db = await Database.open(f"sqlite:///{tmp_path / 'fleet.db'}")
    async with db.write() as tx:
        pages = (await tx.execute(text("PRAGMA page_count"))).scalar_one()
        await tx.execute(text(f"PRAGMA max_page_count = {pages + 2}"))
    with pytest.raises(DatabaseUnavailable, match="full"):
        async with db.write() as tx:
            for number in range(1000):
                await make_station(tx, f"CP{number}", location="x" * 400)
    async with db.read() as tx:
        assert await stations.get(tx, "CP0") is None
    await db.close()


async def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "fleet.db"
    path.write_bytes(b"not a database at all" * 1000)
    with pytest.raises(DatabaseUnavailable):
        await Database.open(f"sqlite:///{path}")


async def test_a_directory_that_does_not_exist_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable):
        await Database.open(f"sqlite:///{tmp_path / 'no' / 'where' / 'fleet.db'}")
