"""The logs of pools, on both databases: nothing missed, nothing twice, nothing of others."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fleet import bookings
from fleet.bookings import BookingRow, WaitlistRow
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.log.order import Cursor
from fleet.log.pool_logs import BOOKING_LOG, WAITLIST_LOG, PoolChange, PoolLog, PoolSelection
from tests.support.databases import Postgres

pytestmark = pytest.mark.asyncio(loop_scope="session")

START = datetime(2026, 12, 1, 10, tzinfo=UTC)
END = START + timedelta(hours=1)
ALL, BEGIN = PoolSelection("north"), Cursor(0, 0)


@dataclass(frozen=True)
class Kept:
    """A log, and what writes it."""

    log: PoolLog
    first: Any
    write: Callable[[Tx, Any], Awaitable[None]]

    async def put(self, tx: Tx, *changes: dict[str, Any]) -> None:
        """Write the first row with each of these changes."""
        for each in changes:
            await self.write(tx, replace(self.first, **each))


KEPT = {
    "bookings": Kept(
        BOOKING_LOG,
        BookingRow(
            *("north", "b1", "hub", "CONFIRMED", "CP-1/1", 1),
            *(START, END, None, {"name": "b1"}, END, START),
            *("anna", "", "", "{}"),
        ),
        bookings.put_booking,
    ),
    "waitlists": Kept(
        WAITLIST_LOG,
        WaitlistRow("north", "b1", "hub", "WAITING", 1, START, END, None, {"name": "b1"}),
        bookings.put_waitlist_entry,
    ),
}


@pytest.fixture(params=KEPT)
def kept(request: pytest.FixtureRequest) -> Kept:
    return KEPT[request.param]


@pytest.fixture
async def postgres_db(postgres_server: Postgres) -> AsyncIterator[Database]:
    async with postgres_server.fresh() as url:
        database = await Database.open(url, migrate=False)
        try:
            yield database
        finally:
            await database.close()


def told(found: list[PoolChange]) -> list[tuple[str, int]]:
    return [(each.name, each.revision) for each in found]


async def test_each_revision_is_told_once_with_the_time_of_the_database(
    db: Database, kept: Kept
) -> None:
    log = kept.log
    async with db.write() as tx:
        await kept.put(tx, {}, {}, {"revision": 2, "state": "LATER"})
    async with db.read() as tx:
        found = await log.read_after(tx, BEGIN, ALL, 10)
        assert told(found) == [("b1", 1), ("b1", 2)]
        assert abs(found[0].time - datetime.now(UTC)) < timedelta(minutes=1)
        assert told(await log.read_after(tx, found[0].cursor, ALL, 10)) == [("b1", 2)]
        assert await log.read_after(tx, await log.head(tx), ALL, 10) == []
        assert await log.history(tx, "north", "b1") == found
        assert found[0].details is None


async def test_what_is_not_selected_and_what_is_another_tenant_s_is_not_told(
    db: Database, kept: Kept
) -> None:
    log = kept.log
    async with db.write() as tx:
        await kept.put(tx, {}, {"name": "b2", "pool": "yard"}, {"tenant": "south"})
    async with db.read() as tx:
        named = PoolSelection("north", ["b2"])
        assert told(await log.read_after(tx, BEGIN, named, 10)) == [("b2", 1)]
        of_pool = PoolSelection("north", pools=["hub"])
        assert told(await log.read_after(tx, BEGIN, of_pool, 10)) == [("b1", 1)]
        none = PoolSelection("north", pools=[])
        assert await log.read_after(tx, BEGIN, none, 10) == []
        assert len(await log.changed_after(tx, "south", BEGIN, 10)) == 1


async def test_a_booking_and_who_waits_may_have_the_same_name(db: Database) -> None:
    async with db.write() as tx:
        for each in KEPT.values():
            await each.put(tx, {})
    async with db.read() as tx:
        for each in KEPT.values():
            assert told(await each.log.read_after(tx, BEGIN, ALL, 10)) == [("b1", 1)]


async def test_a_change_that_an_older_transaction_holds_back_is_still_told(
    postgres_db: Database, kept: Kept
) -> None:
    """Commits overtake each other; who comes second in the log of one thing stays second."""
    db, log = postgres_db, kept.log
    async with db.write() as older:
        await kept.put(older, {"name": "b2"})
        async with db.write() as newer:
            await kept.put(newer, {})
        await kept.put(older, {"revision": 2})
        async with db.read() as tx:
            seen = await log.read_after(tx, BEGIN, ALL, 10)
            place = await log.head(tx)
            assert await log.changed_since(tx, "north", ["b1"], place) == {"b1"}
    async with db.read() as tx:
        rest = await log.read_after(tx, place, ALL, 10)
    assert sorted(told(seen) + told(rest)) == [("b1", 1), ("b1", 2), ("b2", 1)]
    assert [each for each in told(rest) if each[0] == "b1"] == [("b1", 1), ("b1", 2)]
