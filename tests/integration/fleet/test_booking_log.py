"""The log of bookings, on both databases: nothing missed, nothing twice, nothing of others."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fleet import bookings
from fleet.bookings import BookingRow
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.log import bookings as log
from fleet.log.bookings import BookingChange, BookingSelection
from fleet.log.order import Cursor
from tests.support.databases import Postgres

pytestmark = pytest.mark.asyncio(loop_scope="session")

START = datetime(2026, 12, 1, 10, tzinfo=UTC)
FIRST = BookingRow(
    *("north", "b1", "hub", "CONFIRMED", "CP-1/1", 1),
    *(START, START + timedelta(hours=1), None, {"name": "b1"}),
    *(START + timedelta(hours=1), START),
    *("anna", "", "", "{}"),
)
ALL, BEGIN = BookingSelection("north"), Cursor(0, 0)


@pytest.fixture
async def postgres_db(postgres_server: Postgres) -> AsyncIterator[Database]:
    async with postgres_server.fresh() as url:
        database = await Database.open(url, migrate=False)
        try:
            yield database
        finally:
            await database.close()


def told(found: list[BookingChange]) -> list[tuple[str, int]]:
    return [(each.name, each.revision) for each in found]


async def put(tx: Tx, *rows: BookingRow) -> None:
    for row in rows:
        await bookings.put_booking(tx, row)


async def test_each_revision_of_a_booking_is_told_once_with_the_time_of_the_database(
    db: Database,
) -> None:
    async with db.write() as tx:
        await put(tx, FIRST, FIRST, replace(FIRST, revision=2, state="CANCELLED"))
    async with db.read() as tx:
        found = await log.read_after(tx, BEGIN, ALL, 10)
        assert told(found) == [("b1", 1), ("b1", 2)]
        assert abs(found[0].time - datetime.now(UTC)) < timedelta(minutes=1)
        assert told(await log.read_after(tx, found[0].cursor, ALL, 10)) == [("b1", 2)]
        assert await log.read_after(tx, await log.head(tx), ALL, 10) == []
        assert told(await log.history(tx, "north", "b1")) == told(found)


async def test_what_is_not_selected_and_what_is_another_tenant_s_is_not_told(db: Database) -> None:
    async with db.write() as tx:
        await put(tx, FIRST, replace(FIRST, name="b2", pool="yard"), replace(FIRST, tenant="south"))
    async with db.read() as tx:
        named = BookingSelection("north", ["b2"])
        assert told(await log.read_after(tx, BEGIN, named, 10)) == [("b2", 1)]
        of_pool = BookingSelection("north", pools=["hub"])
        assert told(await log.read_after(tx, BEGIN, of_pool, 10)) == [("b1", 1)]
        none = BookingSelection("north", pools=[])
        assert await log.read_after(tx, BEGIN, none, 10) == []
        assert len(await log.changed_after(tx, "south", BEGIN, 10)) == 1


async def test_a_change_that_an_older_transaction_holds_back_is_still_told(
    postgres_db: Database,
) -> None:
    """Commits overtake each other; who comes second in the log of a booking stays second."""
    db = postgres_db
    async with db.write() as older:
        await put(older, replace(FIRST, name="b2"))
        async with db.write() as newer:
            await put(newer, FIRST)
        await put(older, replace(FIRST, revision=2))
        async with db.read() as tx:
            seen = await log.read_after(tx, BEGIN, ALL, 10)
            place = await log.head(tx)
            assert await log.changed_since(tx, "north", ["b1"], place) == {"b1"}
    async with db.read() as tx:
        rest = await log.read_after(tx, place, ALL, 10)
    assert sorted(told(seen) + told(rest)) == [("b1", 1), ("b1", 2), ("b2", 1)]
    assert [each for each in told(rest) if each[0] == "b1"] == [("b1", 1), ("b1", 2)]
