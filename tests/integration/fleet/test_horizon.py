"""What holds up the readers of the log on PostgreSQL: its writers, and nobody else."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import pytest
from sqlalchemy import text

from broker.reading import following
from broker.reading.following import next_cursor
from fleet.database import Database
from fleet.log import commands as log
from fleet.log.event_log import Filter
from fleet.log.horizon import Cursor
from telemetry import metrics
from tests.integration.fleet.test_following_the_log import append, follow

ASSIGN_ID = "SELECT pg_current_xact_id()"


@asynccontextmanager
async def opened(server: Any) -> AsyncIterator[tuple[str, Database]]:
    """A database of its own, and its URL."""
    async with server.fresh() as url:
        db = await Database.open(url)
        try:
            yield url, db
        finally:
            await db.close()


@asynccontextmanager
async def forgotten(url: str, *statements: str) -> AsyncIterator[None]:
    """A session of somebody else that began a transaction and never ends it."""
    session = await asyncpg.connect(url)
    try:
        await session.execute("; ".join(["BEGIN", *statements]))
        yield
    finally:
        await session.close()


@pytest.mark.parametrize(
    ("database", "statements"),
    [
        ("another", [ASSIGN_ID]),
        ("ours", [ASSIGN_ID]),
        ("ours", ["CREATE TABLE theirs (a int)", "INSERT INTO theirs VALUES (1)"]),
        ("ours", ["SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "TABLE events"]),
        ("ours", [ASSIGN_ID, "TABLE events"]),
        ("ours", ["LOCK TABLE events IN ACCESS SHARE MODE", "TABLE commands"]),
    ],
    ids=["other database", "idle", "other table", "dump", "reads ours", "dump's locks"],
)
async def test_a_transaction_that_does_not_write_to_the_log_holds_up_no_watch(
    postgres_server: Any, database: str, statements: list[str]
) -> None:
    async with opened(postgres_server) as (url, db):
        follower = await follow(db)
        where = url if database == "ours" else postgres_server.url("postgres")
        async with forgotten(where, *statements):
            async with db.write() as tx:
                await append(tx, "one")
            assert await follower.read() == ["one"]
            begun_beside_it = await follow(db)
            async with db.write() as tx:
                await append(tx, "two")
            assert await follower.read() == await begun_beside_it.read() == ["two"]
        assert await follower.read() == []


@pytest.mark.parametrize(
    "statement",
    ["INSERT INTO keys (name, value) VALUES ('x', 'y')", "SELECT 1 FROM commands FOR UPDATE"],
)
async def test_a_transaction_that_wrote_to_our_tables_may_still_write_to_the_log(
    postgres_server: Any, statement: str
) -> None:
    async with opened(postgres_server) as (_, db):
        follower = await follow(db)
        async with db.write() as tx:
            await append(tx, "one")
        assert await follower.read() == ["one"]
        async with db.write() as older:
            await older.execute(text(statement))
            async with db.write() as newer:
                await append(newer, "newer")
            early = await follower.read()
            await append(older, "older")
            await older.execute(OLD_VERSION, {"of_name": "older"})
        late = await follower.read()
        assert sorted(early + late) == ["newer", "older"]


OLD_VERSION = text(
    "UPDATE events SET tx_id = pg_current_xact_id()::text::bigint WHERE name = :of_name"
)
"""Gives an event the position that versions before 0.2 gave it."""

WRITERS = 4
STEPS = 120


class OpenWriter:
    """A transaction that is not over. old: it gives positions as versions before 0.2 did."""

    def __init__(self, *, old: bool) -> None:
        self.old = old
        self.stack = AsyncExitStack()
        self.tx: Any = None
        self.written: list[tuple[str, str]] = []


class Reader:
    """Follows the log in two statements, between which anything may happen."""

    def __init__(self, start: Cursor) -> None:
        self.cursor = start
        self.end: Cursor | None = None
        self.seen: list[tuple[str, str]] = []

    async def step(self, db: Database) -> None:
        """Looks how far the log may be read; the next time, reads it."""
        async with db.read() as tx:
            if self.end is None:
                self.end = await log.head(tx)
                return
            found = await log.read_after(tx, self.cursor, Filter("acme"), 5, end=self.end)
        self.seen += [(entry.name, entry.key) for entry in found]
        places = [Cursor(entry.tx_id, entry.seq) for entry in found]
        self.cursor = next_cursor(self.cursor, self.end, places, 5)
        self.end = None


class Interleaved:
    """Writers that take turns within their transactions, and readers between their statements."""

    def __init__(self, db: Database, seed: int, start: Cursor) -> None:
        self._db = db
        self._random = Random(seed)
        self._writers: list[OpenWriter | None] = [None] * WRITERS
        self._names = 0
        self.readers = [Reader(start) for _ in range(3)]
        self.committed: list[tuple[str, str]] = []

    async def run(self) -> None:
        """Every step is drawn; in the end all transactions are over and all is read."""
        for _ in range(STEPS):
            number = self._random.randrange(WRITERS + len(self.readers))
            if number >= WRITERS:
                await self.readers[number - WRITERS].step(self._db)
            else:
                await self._write(number)
        for number in range(WRITERS):
            await self._end(number)
        for reader in self.readers:
            for _ in range(2 * len(self.committed) + 2):
                await reader.step(self._db)

    async def _write(self, number: int) -> None:
        writer = self._writers[number]
        if writer is None:
            writer = self._writers[number] = OpenWriter(old=self._random.random() < 0.3)
            writer.tx = await writer.stack.enter_async_context(self._db.write())
            return
        ways = ["end", "lock", "new", "new"]
        way = self._random.choice(ways if writer.old else [*ways, "id", "undone", "again"])
        if way == "end":
            await self._end(number)
        elif way == "id":
            await writer.tx.execute(text(ASSIGN_ID))
        elif way == "lock":
            await writer.tx.execute(text("UPDATE keys SET value = value WHERE name = 'none'"))
        elif way == "undone":
            async with writer.tx.begin_nested() as nested:
                await append(writer.tx, self._name())
                await nested.rollback()
        else:
            await self._append(writer, again=way == "again")

    async def _append(self, writer: OpenWriter, *, again: bool) -> None:
        busy = {name for each in self._writers if each for name, _ in each.written}
        known = [name for name, _ in self.committed if name not in busy]
        name = self._random.choice(known) if again and known else self._name()
        key = f"key-{self._names}-{len(writer.written)}"
        await append(writer.tx, name, key)
        if writer.old:
            await writer.tx.execute(OLD_VERSION, {"of_name": name})
        writer.written.append((name, key))

    async def _end(self, number: int) -> None:
        writer, self._writers[number] = self._writers[number], None
        if writer is None:
            return
        if self._random.random() < 0.2:
            await writer.tx.rollback()
            await writer.stack.aclose()
        else:
            await writer.stack.aclose()
            self.committed += writer.written

    def _name(self) -> str:
        self._names += 1
        return f"c{self._names}"


@pytest.mark.parametrize("seed", range(12))
async def test_no_reader_misses_or_repeats_a_change_however_writers_interleave(
    postgres_server: Any, seed: int
) -> None:
    async with opened(postgres_server) as (url, db), forgotten(url, ASSIGN_ID):
        async with db.read() as tx:
            world = Interleaved(db, seed, await log.head(tx))
        await world.run()
        assert world.committed
        for reader in world.readers:
            assert sorted(reader.seen) == sorted(world.committed)
            for name in {name for name, _ in world.committed}:
                keys = [key for of, key in world.committed if of == name]
                assert [key for of, key in reader.seen if of == name] == keys


async def test_a_standstill_of_the_log_is_measured_and_is_over_with_its_cause(
    postgres_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "POLL_S", 0.02)
    metrics.LOG_HORIZON_AGE.set(0)

    async def until(expected: Callable[[float], bool]) -> None:
        async with asyncio.timeout(20):
            while not expected(metrics.LOG_HORIZON_AGE._value.get()):
                await asyncio.sleep(0.02)

    async with opened(postgres_server) as (_, db), following.LogFollower(db).running():
        async with db.write() as older:
            await append(older, "older")
            async with db.write() as newer:
                await append(newer, "newer")
            await until(lambda age: age > 0.1)
        await until(lambda age: age == 0)
