"""Transactions and group commit, on both databases."""

import asyncio
import itertools
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select, text

from fleet import stations, wakeups
from fleet.database import Database
from fleet.engine.pools import SqlitePool
from fleet.engine.statements import Tx
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.stations import Station, StationExists
from fleet.tables import wakeups as table
from tests.support.fleet_rows import NOW, make_station

numbers = itertools.count(1)


async def counting(tx: Tx) -> int:
    return int((await tx.execute(select(func.count()).select_from(table))).scalar_one())


async def count(db: Database) -> int:
    async with db.read() as tx:
        return await counting(tx)


async def add(tx: Tx, name: str = "w") -> str:
    """Adds a row of its own: rows of one name would be merged."""
    await wakeups.add(tx, f"{name}-{next(numbers)}", "", NOW)
    return name


async def test_a_transaction_that_raises_leaves_nothing(db: Database) -> None:
    with pytest.raises(RuntimeError):
        async with db.write() as tx:
            await add(tx)
            raise RuntimeError
    assert await count(db) == 0


async def test_a_reader_does_not_see_what_is_not_committed(db: Database) -> None:
    async with db.write() as tx:
        await add(tx)
        assert await count(db) == 0
    assert await count(db) == 1


async def test_concurrent_small_writes_share_commits_and_all_arrive(db: Database) -> None:
    names = [f"w{n}" for n in range(300)]
    told = await asyncio.gather(*(db.batch(partial(add, name=n)) for n in names))
    assert told == names
    assert await count(db) == 300


async def test_a_write_that_fails_takes_no_other_along(db: Database) -> None:
    async def failing(tx: Tx) -> None:
        await add(tx, "gone")
        raise RuntimeError("mine alone")

    async def broken(tx: Tx) -> None:
        await add(tx, "gone")
        await tx.execute(text("SELECT no_such_thing"))

    ops: list[Any] = [add, failing, add, broken, add, failing]
    results = await asyncio.gather(*(db.batch(op) for op in ops), return_exceptions=True)
    failed = [isinstance(result, Exception) for result in results]
    assert failed == [False, True, False, True, False, True]
    assert await count(db) == 3


async def test_a_broken_constraint_fails_only_its_own_write(db: Database) -> None:
    ids = ["A", "B", "A", "C", "B"]
    results = await asyncio.gather(
        *(db.batch(partial(make_station, id=id)) for id in ids), return_exceptions=True
    )
    assert sorted(r.id for r in results if isinstance(r, Station)) == ["A", "B", "C"]
    assert sum(isinstance(r, StationExists) for r in results) == 2


async def test_a_lone_failing_write_is_rolled_back(db: Database) -> None:
    async def failing(tx: Tx) -> None:
        await add(tx)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await db.batch(failing)
    assert await count(db) == 0
    await db.batch(add)
    assert await count(db) == 1


async def test_looks_at_the_same_moment_share_a_transaction_and_see_all_that_is_written(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = await Database.open(f"sqlite:///{tmp_path / 'fleet.db'}")
    taken: list[SqlitePool] = []
    take = SqlitePool.take

    async def counted(pool: SqlitePool) -> Tx:
        taken.append(pool)
        return await take(pool)

    monkeypatch.setattr(SqlitePool, "take", counted)
    await db.batch(add)
    taken.clear()
    assert await asyncio.gather(*(db.look(counting) for _ in range(30))) == [1] * 30
    assert len(taken) == 1
    await db.close()


async def test_a_look_that_fails_takes_no_other_along(db: Database) -> None:
    async def fail(tx: Tx) -> int:
        await counting(tx)
        raise ValueError("no")

    looks = [db.look(counting), db.look(fail), db.look(counting)]
    first, failed, last = await asyncio.gather(*looks, return_exceptions=True)
    assert (first, last) == (0, 0)
    assert isinstance(failed, ValueError)


async def test_a_caller_that_gives_up_does_not_disturb_the_others(db: Database) -> None:
    writes = [asyncio.create_task(db.batch(add)) for _ in range(30)]
    await asyncio.sleep(0)
    writes[3].cancel()
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert sum(result == "w" for result in results) == 29
    await db.batch(add)


async def test_a_cancelled_transaction_is_rolled_back_and_the_next_one_works(
    db: Database,
) -> None:
    written = asyncio.Event()

    async def never_ends() -> None:
        async with db.write() as tx:
            await add(tx)
            written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(never_ends())
    await written.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with db.write() as tx:
        await add(tx)
    assert await count(db) == 1


async def test_closing_waits_for_the_writes_that_were_accepted(fleet_url: str) -> None:
    db = await Database.open(fleet_url)
    writes = [asyncio.create_task(db.batch(add)) for _ in range(50)]
    await asyncio.sleep(0)
    await db.close()
    assert all(write.done() for write in writes)
    again = await Database.open(fleet_url)
    assert await count(again) == 50
    await again.close()


async def test_writers_in_one_process_are_served_in_turn(db: Database) -> None:
    async def write(name: str) -> None:
        for _ in range(20):
            async with db.write() as tx:
                await add(tx, name)

    async with asyncio.timeout(30):
        await asyncio.gather(*(write(f"w{n}") for n in range(20)))
    assert await count(db) == 400


async def test_too_many_waiting_writes_are_refused_at_once(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.engine.group_commit.WAITING_LIMIT", 5)
    results = await asyncio.gather(*(db.batch(add) for _ in range(9)), return_exceptions=True)
    refused = [r for r in results if isinstance(r, DatabaseUnavailable)]
    assert len(refused) == 4
    assert await count(db) == 5


async def test_a_long_read_does_not_stop_the_event_loop(tmp_path: Any) -> None:
    db = await Database.open(f"sqlite:///{tmp_path / 'fleet.db'}")
    steps = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000)"
        " SELECT sum(i) FROM n"
    )
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.005)
            ticks += 1

    ticking = asyncio.create_task(tick())
    async with db.read() as tx:
        assert (await tx.execute(text(steps))).scalar_one() == 3000000 * 3000001 // 2
    ticking.cancel()
    await db.close()
    assert ticks >= 3


async def test_a_station_made_in_one_database_is_seen_by_another_process_s_reader(
    fleet_url: str, db: Database
) -> None:
    other = await Database.open(fleet_url, migrate=False)
    async with db.write() as tx:
        await make_station(tx)
    async with other.read() as tx:
        assert await stations.get(tx, "CP1") is not None
    await other.close()
