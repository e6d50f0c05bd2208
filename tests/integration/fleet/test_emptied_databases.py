"""A PostgreSQL database that one test has left is handed to the next one as if it were new."""

from datetime import UTC, datetime

from sqlalchemy import text

from fleet import stations
from fleet.database import Database
from fleet.engine.statements import Tx
from tests.support.databases import Postgres, count_from

NOW = datetime(2026, 3, 2, tzinfo=UTC)
ROWS = """
    SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
    AND relkind = 'r' AND pg_relation_size(oid) > 0"""
COUNTED = "SELECT sequencename FROM pg_sequences WHERE last_value IS NOT NULL"


async def written(tx: Tx) -> None:
    await stations.create(
        tx,
        id="CP1",
        tenant="default",
        location="",
        security_profile=1,
        password_hash=None,
        now=NOW,
    )


async def names(url: str, query: str) -> list[str]:
    database = await Database.open(url, migrate=False)
    async with database.read() as tx:
        found = [name for (name,) in await tx.execute(text(query))]
    await database.close()
    return found


async def test_a_database_is_handed_on_without_rows_and_counts_anew(
    postgres_server: Postgres,
) -> None:
    async with postgres_server.fresh() as first:
        database = await Database.open(first, migrate=False)
        async with database.write() as tx:
            await written(tx)
            await count_from(tx, 7, "wakeups")
        await database.close()
        assert {"alembic_version", "stations"} < set(await names(first, ROWS))
        assert "wakeups_id_seq" in await names(first, COUNTED)
    async with postgres_server.fresh() as second:
        assert second == first
        assert await names(second, ROWS) == ["alembic_version"]
        assert await names(second, COUNTED) == []


async def test_a_database_in_which_somebody_still_writes_is_handed_on_empty(
    postgres_server: Postgres,
) -> None:
    async with postgres_server.fresh() as first:
        left = await Database.open(first, migrate=False)
        begun = left.write()
        await written(await begun.__aenter__())
    async with postgres_server.fresh() as second:
        assert second == first
        assert await names(second, ROWS) == ["alembic_version"]
    await left.close()


async def test_a_database_whose_tables_were_changed_is_not_handed_on(
    postgres_server: Postgres,
) -> None:
    async with postgres_server.fresh() as first:
        database = await Database.open(first, migrate=False)
        async with database.write() as tx:
            await tx.execute(text("ALTER TABLE stations ADD COLUMN colour TEXT"))
        await database.close()
    async with postgres_server.fresh() as second:
        assert second != first
