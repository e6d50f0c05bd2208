"""How a station's passwords are recognised, and how they change.

A password is known by its hash, and by a digest once it was good. While it changes, old and new are
good until the new one was used.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy import update as sql_update

from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, columns_of
from fleet.stations import Station
from fleet.tables import stations


@dataclass(frozen=True, slots=True)
class Secrets:
    """How the passwords of a station are recognised.

    hashes: of every valid password, the newest first; empty when there is none, or no station.
    known_good: the digest of the one that the station used last (see `fleet.keys`); "" for none.
    """

    hashes: tuple[str, ...] = ()
    known_good: str = ""


_STATION = columns_of(stations, Station)
_SECRETS = (
    stations.c.known_good_password,
    stations.c.password_hash,
    stations.c.previous_password_hash,
)
_GET_WITH_SECRETS = precompiled(
    select(*_STATION, *_SECRETS).where(stations.c.id == bindparam("id"))
)


async def get_with_secrets(tx: Tx, id: str) -> tuple[Station | None, Secrets]:
    """The station as `stations.get` finds it, and how its passwords are recognised."""
    row = (await tx.execute(_GET_WITH_SECRETS, {"id": id})).first()
    if row is None:
        return None, Secrets()
    *station, known_good, newest, previous = row
    hashes = tuple(hash for hash in (newest, previous) if hash)
    return Station(*station), Secrets(hashes, known_good or "")


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


async def remember_password(tx: Tx, id: str, hash: str, known_good: str) -> None:
    """Store the digest of the password that fits this hash, if the hash is still valid."""
    valid = or_(stations.c.password_hash == hash, stations.c.previous_password_hash == hash)
    await tx.execute(
        sql_update(stations)
        .where(stations.c.id == id, valid)
        .values(known_good_password=known_good)
    )
