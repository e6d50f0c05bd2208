"""Following the log misses nothing, though commits overtake each other."""

import asyncio
import subprocess
import sys
from typing import Any

from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.log import commands as log
from fleet.log.event_log import Columns, Entry, Filter
from fleet.log.order import Cursor
from tests.integration.fleet.test_processes import WRITER
from tests.support.fleet_rows import NOW


async def append(tx: Tx, name: str, key: str = "queued") -> Any:
    return await log.append(
        tx,
        tenant="acme",
        name=name,
        key=key,
        change=lambda _: {},
        columns=lambda _: Columns("CP1", "START_SESSION", "QUEUED", "", NOW),
        now=NOW,
    )


class Follower:
    """Reads the log from where it was to where it is."""

    def __init__(self, db: Database, cursor: Cursor) -> None:
        self._db, self._cursor = db, cursor
        self.seen: list[Entry] = []

    async def read(self) -> list[str]:
        """What is new."""
        async with self._db.read() as tx:
            new = await log.read_after(tx, self._cursor, Filter("acme"), 7)
        if new:
            self._cursor = Cursor(new[-1].tx_id, new[-1].seq)
        self.seen += new
        return [entry.name for entry in new]


async def follow(db: Database) -> Follower:
    async with db.read() as tx:
        return Follower(db, await log.head(tx))


async def test_a_change_that_is_committed_later_than_a_newer_one_is_not_missed(
    postgres_server: Any,
) -> None:
    async with postgres_server.fresh() as url:
        db = await Database.open(url)
        follower = await follow(db)
        async with db.write() as older:
            await append(older, "first numbered, last committed")
            async with db.write() as newer:
                await append(newer, "last numbered, first committed")
            assert await follower.read() == []
        assert await follower.read() == [
            "first numbered, last committed",
            "last numbered, first committed",
        ]
        assert await follower.read() == []
        await db.close()


async def test_changes_of_one_command_come_in_their_order_though_an_older_transaction_wrote_last(
    postgres_server: Any,
) -> None:
    async with postgres_server.fresh() as url:
        db = await Database.open(url)
        follower = await follow(db)
        async with db.write() as older:
            await append(older, "another")
            async with db.write() as newer:
                await append(newer, "one", "first")
            await append(older, "one", "second")
        while await follower.read():
            pass
        assert [e.key for e in follower.seen if e.name == "one"] == ["first", "second"]
        await db.close()


async def test_a_watcher_is_told_again_when_an_older_transaction_held_a_change_back(
    postgres_server: Any,
) -> None:
    async with postgres_server.fresh() as url:
        db = await Database.open(url)
        follower = await follow(db)
        async with db.watch() as changes:
            async with db.write() as older:
                await append(older, "one")
                other = await Database.open(url, migrate=False)
                async with other.write() as newer:
                    await append(newer, "two")
            async with asyncio.timeout(10):
                while len(follower.seen) < 2:
                    await changes.wait(5)
                    await follower.read()
        await other.close()
        await db.close()


async def test_a_watcher_hears_of_changes_by_another_process_quickly(
    db: Database, fleet_url: str
) -> None:
    other = await Database.open(fleet_url, migrate=False)
    follower = await follow(db)
    async with db.watch() as changes:
        assert await changes.wait(1)
        while await changes.wait(0.3):
            pass
        async with other.write() as tx:
            await append(tx, "news")
        async with asyncio.timeout(5):
            while not await follower.read():
                assert await changes.wait(2)
    await other.close()


async def test_a_watcher_hears_of_changes_by_its_own_process(db: Database) -> None:
    async with db.watch() as changes:
        while await changes.wait(0.3):
            pass
        await db.batch(lambda tx: append(tx, "news"))
        assert await changes.wait(1)


async def test_a_follower_sees_every_change_of_concurrent_processes_once(
    db: Database, fleet_url: str
) -> None:
    follower = await follow(db)
    command = [sys.executable, str(WRITER), fleet_url]
    writers = [
        await asyncio.create_subprocess_exec(*command, str(n), "4", "25", stdout=subprocess.DEVNULL)
        for n in range(3)
    ]
    async with asyncio.timeout(90), db.watch() as changes:
        while len(follower.seen) < 3 * 4 * 25:
            if not await follower.read():
                await changes.wait(1)
    assert [await writer.wait() for writer in writers] == [0, 0, 0]
    assert await follower.read() == []
    assert len({(e.name, e.key) for e in follower.seen}) == 300
    for name in {e.name for e in follower.seen}:
        revisions = [e.revision for e in follower.seen if e.name == name]
        assert revisions == sorted(revisions)
