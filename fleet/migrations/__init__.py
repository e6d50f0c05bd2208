"""Alembic migrations, run by the program itself when it opens a database.

Several processes may start at once. So the whole upgrade is one transaction that takes a lock first
(SQLite: BEGIN IMMEDIATE; PostgreSQL: an advisory lock); the second process waits and finds it done.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from fleet.engine.engines import migration_engine

_LOCK = 0x6576636D64  # the key of the advisory lock: "evcmd" in ASCII


def config() -> Config:
    """Alembic's configuration; it finds the migrations where the package is installed."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    return made


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
    made = config()
    made.attributes["connection"] = connection
    command.upgrade(made, revision)
