"""What the clock of the database says: the one clock that all processes of a fleet can read."""

from datetime import datetime

from sqlalchemy import text

from fleet.engine.database import SqlDatabase

_NOW = text("SELECT clock_timestamp()")


def has_clock(db: SqlDatabase) -> bool:
    """Whether the database has a clock of its own. SQLite has that of the machine it is on."""
    return db.dialect == "postgresql"


async def read_time(db: SqlDatabase) -> datetime:
    """The time by the database's clock, at some moment of this call.

    Raises: DatabaseUnavailable.
    """
    async with db.read() as tx:
        now: datetime = (await tx.execute(_NOW)).scalar_one()
        return now
