"""How a station's passwords are recognised, and how they change.

A password is known by its hash, and by a digest once it was good. While it changes, old and new are
good until the new one was used. What is done meanwhile is decided in `domain.model.rotations`; here
is the one row of a station's newest rotation. Whoever changes it holds the station's row first, so
that a gateway that ends a password and a station that uses it never pass each other by.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, or_, select, true
from sqlalchemy import delete as sql_delete
from sqlalchemy import update as sql_update

from domain.model.rotations import Doubt, Rotation, RotationState, used
from fleet import connections
from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, columns_of
from fleet.stations import Station
from fleet.tables import connections as sockets
from fleet.tables import password_rotations as rotations
from fleet.tables import stations


@dataclass(frozen=True, slots=True)
class Secrets:
    """How the passwords of a station are recognised.

    hashes: of every valid password, the newest first; empty when there is none, or no station.
    known_good: the digest of the one that the station used last (see `fleet.keys`); "" for none.
    """

    hashes: tuple[str, ...] = ()
    known_good: str = ""


@dataclass(frozen=True, slots=True)
class StoredRotation:
    """The newest rotation of a station's password, and what it needs beside its state.

    message_id: of the newest frame; "" before the first. sealed: the new password; None once the
    rotation has ended.
    """

    station: str
    rotation: Rotation
    message_id: str
    sealed: str | None


_STATION = columns_of(stations, Station)
_SECRETS = (
    stations.c.known_good_password,
    stations.c.password_hash,
    stations.c.previous_password_hash,
)
_GET_WITH_SECRETS = precompiled(
    select(*_STATION, *_SECRETS).where(stations.c.id == bindparam("id"))
)
_HOLD = precompiled(
    select(stations.c.id).where(stations.c.id == bindparam("id")).with_for_update(key_share=True)
)
_ROTATION = select(
    rotations.c.station,
    rotations.c.message_id,
    rotations.c.sealed,
    *columns_of(rotations, Rotation),
)
_GET_ROTATION = precompiled(_ROTATION.where(rotations.c.station == bindparam("station")))
_DUE = precompiled(
    _ROTATION.join(sockets, sockets.c.station == rotations.c.station)
    .where(
        rotations.c.due_time <= bindparam("now"),
        sockets.c.gateway == bindparam("gateway"),
        func.coalesce(sockets.c.quarantine_end <= bindparam("now"), true()),
    )
    .order_by(rotations.c.due_time)
    .limit(bindparam("limit"))
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


async def confirm_password(tx: Tx, id: str, hash: str, now: datetime) -> bool:
    """The station used the password of this hash. If it is the newest, the older one ends.

    A rotation is done then, and a socket that showed the older password is out. True when an older
    password ended now.
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
    if not done.rowcount:
        return False
    await change_rotation(tx, id, lambda found: used(found.rotation, now))
    await connections.revoke(tx, id, now=now)
    return True


async def remember_password(tx: Tx, id: str, hash: str, known_good: str) -> None:
    """Store the digest of the password that fits this hash, if the hash is still valid."""
    valid = or_(stations.c.password_hash == hash, stations.c.previous_password_hash == hash)
    await tx.execute(
        sql_update(stations)
        .where(stations.c.id == id, valid)
        .values(known_good_password=known_good)
    )


# --- rotations


async def hold_station(tx: Tx, id: str) -> None:
    """Let nobody else change the station's passwords before this transaction ends."""
    await tx.execute(_HOLD, {"id": id})


async def begin_rotation(tx: Tx, id: str, rotation: Rotation, *, hash: str, sealed: str) -> None:
    """Begin a rotation; the station's last one is forgotten. Call `hold_station` before."""
    await set_password(tx, id, hash, rotation.request_time)
    await tx.execute(sql_delete(rotations).where(rotations.c.station == id))
    await tx.execute(insert(rotations).values(station=id, sealed=sealed, **asdict(rotation)))


async def rotation_of(tx: Tx, id: str) -> StoredRotation | None:
    """The newest rotation of the station's password; None when there never was one."""
    row = (await tx.execute(_GET_ROTATION, {"station": id})).first()
    return None if row is None else _stored(row)


async def change_rotation(
    tx: Tx,
    id: str,
    change: Callable[[StoredRotation], Rotation | None],
    *,
    message_id: str | None = None,
) -> Rotation | None:
    """Change the station's open rotation; what ends with it, ends: a password, and the sealed one.

    change: makes the new state of what it finds; None leaves it. message_id: of a new frame.
    Returns the changed rotation; None when nothing is changed, or none is open.
    """
    await hold_station(tx, id)
    found = await rotation_of(tx, id)
    changed = change(found) if found is not None and found.rotation.is_open else None
    if changed is None:
        return None
    values = asdict(changed)
    if message_id is not None:
        values["message_id"] = message_id
    if not changed.is_open:
        values["sealed"] = None
    await tx.execute(sql_update(rotations).where(rotations.c.station == id).values(**values))
    if changed.state is RotationState.REJECTED:
        await _keep_old_password(tx, id)
    return changed


async def due_rotations(tx: Tx, *, gateway: str, now: datetime, limit: int) -> list[StoredRotation]:
    """The rotations that are due at stations with their socket here, the oldest first.

    Not of a station in quarantine: nobody knows whether it is the station that would be told.
    """
    values = {"gateway": gateway, "now": now, "limit": limit}
    return [_stored(row) for row in await tx.execute(_DUE, values)]


async def _keep_old_password(tx: Tx, id: str) -> None:
    """End the new password of a station that has an older one."""
    older = stations.c.previous_password_hash
    await tx.execute(
        sql_update(stations)
        .where(stations.c.id == id, older.is_not(None))
        .values(password_hash=older, previous_password_hash=None)
    )


def _stored(row: Sequence[Any]) -> StoredRotation:
    station, message_id, sealed, state, request_time, sends, doubt, *rest = row
    rotation = Rotation(RotationState(state), request_time, sends, Doubt(doubt), *rest)
    return StoredRotation(station, rotation, message_id, sealed)
