"""Passwords of stations that change: old and new are good until the new one was used."""

from datetime import datetime

from sqlalchemy import func
from sqlalchemy import update as sql_update

from fleet.engine.statements import Tx
from fleet.tables import stations


async def set_password(tx: Tx, id: str, hash: str, now: datetime) -> None:
    """Give the station a new password; its present one stays valid until `confirm_password`.

    When the station has not used the last new password yet, only that one is replaced.
    """
    keep = func.coalesce(stations.c.previous_password_hash, stations.c.password_hash)
    await tx.execute(
        sql_update(stations)
        .where(stations.c.id == id)
        .values(password_hash=hash, previous_password_hash=keep, password_time=now)
    )


async def confirm_password(tx: Tx, id: str, hash: str) -> bool:
    """The station used the password of this hash. If it is the newest, the older one ends.

    True when an older password ended now.
    """
    done = await tx.execute(
        sql_update(stations)
        .where(
            stations.c.id == id,
            stations.c.password_hash == hash,
            stations.c.previous_password_hash.is_not(None),
        )
        .values(previous_password_hash=None)
    )
    return bool(done.rowcount)
