"""Alembic migrations, run by the program itself when it opens a database.

Several processes may start at once. So the whole upgrade is one transaction that takes a lock first
(SQLite: BEGIN IMMEDIATE; PostgreSQL: an advisory lock); the second process waits and finds it done.

Alembic is loaded only when there is something to migrate: loading takes a fifth of a start.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from fleet.engine.engines import migration_engine

_LOCK = 0x6576636D64  # the key of the advisory lock: "evcmd" in ASCII


def newest_revision() -> str:
    """The revision of the newest migration, from the name of its file: v0013_plugs.py is "0013"."""
    files = (Path(__file__).parent / "versions").glob("v[0-9]*_*.py")
    return max((file.name[1:].partition("_")[0] for file in files), default="")


async def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database of this URL to the revision; do nothing when it is there already."""
    engine = migration_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade, revision)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, revision: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    if revision == "head" and _is_current(connection):
        return
    from fleet.migrations.running import run_migrations

    run_migrations(connection, revision)


def _is_current(connection: Connection) -> bool:
    if not inspect(connection).has_table("alembic_version"):
        return False
    stored = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    return stored == [newest_revision()]
