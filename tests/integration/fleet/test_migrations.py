"""The migrated schema is the schema of the code, on both databases."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, inspect, text

from fleet import bookings, claims, remote_starts
from fleet.database import Database
from fleet.engine.engines import migration_engine
from fleet.engine.statements import Tx
from fleet.engine.values import from_micros, to_micros
from fleet.log import reservations
from fleet.migrations import newest_revision, upgrade
from fleet.migrations.running import config
from fleet.tables import metadata
from tests.support.databases import Postgres
from tests.support.fleet_rows import NOW, start_16, stop_16


@pytest.fixture(params=["sqlite", "postgresql"])
async def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The URL of a database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'bare.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres_server")
    async with server.fresh(migrated=False) as url:
        yield url


def differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


def partial_indexes(connection: Connection) -> set[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %'"
    if connection.dialect.name == "postgresql":
        query = "SELECT indexname FROM pg_indexes WHERE indexdef LIKE '% WHERE %'"
    return set(connection.execute(text(query)).scalars())


async def in_database(url: str, ask: Any) -> Any:
    engine = migration_engine(url)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(ask)
    finally:
        await engine.dispose()


async def test_the_migrated_schema_is_the_one_of_the_code(bare_url: str) -> None:
    await (await Database.open(bare_url)).close()
    assert await in_database(bare_url, differences) == []
    declared = {
        index.name
        for table in metadata.tables.values()
        for index in table.indexes
        if index.dialect_options["sqlite"]["where"] is not None
    }
    assert await in_database(bare_url, partial_indexes) == declared


async def test_a_database_that_is_not_migrated_is_left_alone(bare_url: str) -> None:
    await (await Database.open(bare_url, migrate=False)).close()
    assert await in_database(bare_url, lambda c: inspect(c).get_table_names()) == []


async def test_several_processes_may_start_on_a_new_database_at_once(bare_url: str) -> None:
    code = (
        "import asyncio, sys\n"
        "from fleet.database import Database\n"
        "async def main():\n"
        "    await (await Database.open(sys.argv[1])).close()\n"
        "asyncio.run(main())\n"
    )
    starts = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, bare_url, stderr=asyncio.subprocess.PIPE
        )
        for _ in range(4)
    ]
    for start in starts:
        _, errors = await asyncio.wait_for(start.communicate(), 60)
        assert start.returncode == 0, errors.decode()
    assert await in_database(bare_url, differences) == []


def old_command(name: str, made: int, code: str, **snapshot: Any) -> dict[str, Any]:
    outcome = {"code": code, "session": {"transaction": snapshot.get("told")}}
    undone = {"state": snapshot.get("undo", "NONE"), "transaction": snapshot.get("undone")}
    stored = {"outcome": outcome if "told" in snapshot else None, "compensation": undone}
    return {
        "name": name,
        "made": made,
        "code": code,
        "kind": snapshot.get("kind", "START_SESSION"),
        "snapshot": json.dumps(stored),
    }


OLD_COMMANDS = [
    old_command("started", 5, "SUCCEEDED", told="s1"),
    old_command("stops it", 1, "NO_EFFECT", undo="PENDING", undone="s1"),
    old_command("started late", 6, "SUCCEEDED", told="s1"),
    old_command("stopped it", 2, "NO_EFFECT", undo="DONE", undone="s2"),
    old_command("left it alone", 3, "NO_EFFECT", undo="FAILED", undone="s3"),
    old_command("refused", 4, "NO_EFFECT", told="s4"),
    old_command("no session", 7, "UNKNOWN"),
    old_command("a stop", 0, "SUCCEEDED", told="s5", kind="STOP_SESSION"),
]


def store_old_commands(connection: Connection) -> None:
    for row in OLD_COMMANDS:
        connection.execute(
            text(
                "INSERT INTO commands (tenant, name, seq, tx_id, key, revision, time, snapshot,"
                " station, kind, state, outcome_code, create_time) VALUES ('acme', :name, 1, 0,"
                " 'k', 1, :made, :snapshot, 'CP1', :kind, 'DONE', :code, :made)"
            ),
            row,
        )
        connection.execute(
            text(
                "INSERT INTO sends (command, tenant, station, kind, attempt, state, send_time)"
                " VALUES (:name, 'acme', 'CP1', :kind, 1, 'ANSWERED', :made)"
            ),
            {key: row[key] for key in ("name", "kind", "made")},
        )


async def test_commands_that_ended_before_there_were_claims_have_theirs(bare_url: str) -> None:
    await upgrade(bare_url, "0005")
    await in_database(bare_url, store_old_commands)
    await upgrade(bare_url)
    found = await in_database(
        bare_url, lambda c: c.execute(text("SELECT session, command FROM claims")).all()
    )
    assert dict(found) == {"s1": "started", "s2": "stopped it", "s4": "refused"}
    spent = await in_database(
        bare_url,
        lambda c: c.execute(text("SELECT command FROM sends WHERE claimed")).scalars().all(),
    )
    assert set(spent) == {"started", "stopped it", "refused"}


def store_old_ids(connection: Connection) -> None:
    """A frame, its session with the session's row id as OCPP's, and a reservation."""
    for statement in (
        "INSERT INTO sends (command, tenant, station, kind, attempt, state, send_time, claimed)"
        " VALUES ('start-1', 'acme', 'CP1', 'START_SESSION', 1, 'ANSWERED', 1, true)",
        "INSERT INTO transactions (name, tenant, station, ocpp_transaction_id, received_time,"
        " state, minted, epoch) VALUES ('session', 'acme', 'CP1', '1', 1, 'ACTIVE', true, 3)",
        "INSERT INTO claims (session, tenant, command, send, time)"
        " VALUES ('session', 'acme', 'start-1', 1, 1)",
        "INSERT INTO wire_ids (tenant, reservation, create_time) VALUES ('acme', 'held', 1)",
        "INSERT INTO reservations (tenant, name, seq, tx_id, key, revision, time, snapshot,"
        " station, kind, state, outcome_code, create_time, wire_id, command)"
        " VALUES ('acme', 'held', 1, 0, 'k', 1, 1, '{}', 'CP1', '', 'HELD', '', 1, 1, 'c')",
    ):
        connection.execute(text(statement))


async def mint(tx: Tx, reservation: str) -> int:
    key = {"tenant": "acme", "reservation": reservation, "station": "CP1"}
    return await reservations.mint(tx, **key, now=NOW)


async def test_ids_of_before_are_found_as_they_were_and_are_counted_on(bare_url: str) -> None:
    await upgrade(bare_url, "0020")
    await in_database(bare_url, store_old_ids)
    db = await Database.open(bare_url)
    try:
        async with db.write() as tx:
            send = await remote_starts.by_number(tx, "CP1", 1)
            session = await stop_16(tx, "1")
            (claim,) = await claims.of_sessions(tx, ["session"])
            held = await reservations.by_wire_id(tx, "CP1", 1)
            assert [await mint(tx, name) for name in ("next", "held")] == [2, 1]
            newer, _ = await start_16(tx)
    finally:
        await db.close()
    assert send is not None
    assert (send.id, claim.send, session.name, session.epoch) == (1, 1, "session", 3)
    assert held is not None
    assert (held.name, newer.id) == ("held", 2)
    assert await in_database(bare_url, differences) == []


OLD_BOOKING = {
    "id_token": {"type": "ISO14443", "hint": "****", "sealed": "s", "digest": "anna"},
    "create_time": "2026-12-01T09:00:00.5Z",
    "end_of_life_time": "1970-01-01T00:00:05Z",
    "account": "cars",
    "groups": ["b", "a"],
    "needs": {"connector_types": ["T2", "CCS"], "min_power_w": 5, "features": []},
}
BARE_BOOKING = {"id_token": {"digest": "bert"}, "create_time": "2026-12-01T09:00:00Z"}


def store_old_bookings(connection: Connection) -> None:
    for name, snapshot in (("used", OLD_BOOKING), ("bare", BARE_BOOKING)):
        connection.execute(
            text(
                "INSERT INTO bookings (tenant, name, pool, state, place, revision, start_time,"
                " end_time, snapshot) VALUES ('acme', :name, 'hub', 'FULFILLED', 'S/1', 1, 3000000,"
                " 9000000, :snapshot)"
            ),
            {"name": name, "snapshot": json.dumps(snapshot)},
        )


async def test_bookings_of_before_are_read_narrowly(bare_url: str) -> None:
    await upgrade(bare_url, "0030")
    await in_database(bare_url, store_old_bookings)
    db = await Database.open(bare_url)
    try:
        async with db.read() as tx:
            rows = await bookings.standing_in_span(
                tx, "acme", "hub", (from_micros(0), from_micros(10_000_000)), ["FULFILLED"]
            )
    finally:
        await db.close()
    bare, used = rows
    assert (to_micros(used.until_time), to_micros(bare.until_time)) == (5_000_000, 9_000_000)
    assert used.create_time == datetime(2026, 12, 1, 9, 0, 0, 500_000, tzinfo=UTC)
    assert used[7:11] == (
        *("anna", "cars", '["a","b"]'),
        '{"connector_types":["CCS","T2"],"min_power_w":5,"features":[]}',
    )
    nothing = '{"connector_types":[],"min_power_w":0,"features":[]}'
    assert bare[7:] == ("bert", "", "[]", nothing, 0)


def test_the_newest_migration_is_the_one_at_which_alembic_ends() -> None:
    assert newest_revision() == ScriptDirectory.from_config(config()).get_current_head()


async def test_a_database_of_a_newer_build_is_refused(bare_url: str) -> None:
    await upgrade(bare_url)
    await in_database(
        bare_url, lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    )
    with pytest.raises(CommandError, match="9999"):
        await Database.open(bare_url)


async def test_a_database_in_memory_or_of_another_kind_is_refused() -> None:
    for url in ("sqlite://", "sqlite:///:memory:", "mysql://host/name"):
        with pytest.raises(ValueError, match=r"SQLite needs a file|starts with"):
            await Database.open(url)
