"""The generation of a station: who may be it.

Each CreateStation begins a new generation, and DeleteStation ends the present one. A socket keeps
the generation under which it was admitted. When that is over, so are its claim, its sends and its
facts: they compare the generation in the transaction that writes. The random text is never shown.

Within a generation the newest socket alone is the station: the same statement reads the epoch.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy import delete as sql_delete

from fleet import connections
from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx
from fleet.log.changes import station_left
from fleet.tables import connections as sockets
from fleet.tables import connectors, password_rotations, stations


class StationRight(NamedTuple):
    """Who may be a station now: its generation, the epoch of its newest socket, its profile."""

    generation: str
    epoch: int
    security_profile: int


_EPOCH = func.coalesce(sockets.c.epoch, 0)
_OF_STATION = stations.c.id == bindparam("station")
_WITH_SOCKETS = stations.outerjoin(sockets, sockets.c.station == stations.c.id)
_STANDS = (
    select(_EPOCH)
    .select_from(_WITH_SOCKETS)
    .where(_OF_STATION, stations.c.generation == bindparam("generation"))
)
# A fact must not wait for another one: two of them may hold the row at once, and update it.
_STANDS_FOR_A_FACT = precompiled(
    _STANDS.with_for_update(read=True, key_share=True, of=stations),
)
# A claim must not pass by a CreateStation that registers an admitted station.
_STANDS_FOR_A_CLAIM = precompiled(
    select(stations.c.id)
    .where(
        _OF_STATION,
        stations.c.generation == bindparam("generation"),
        or_(
            stations.c.password_hash == bindparam("password_hash"),
            stations.c.previous_password_hash == bindparam("password_hash"),
            bindparam("password_hash", type_=stations.c.password_hash.type) == "",
        ),
    )
    .with_for_update(read=True)
)
_STANDS_NOW = precompiled(_STANDS)


def begin() -> str:
    """A new generation."""
    return uuid.uuid4().hex


async def epoch_within(tx: Tx, station: str, generation: str) -> int | None:
    """The epoch of the station's newest socket; None when this is not its generation.

    The generation cannot end before this transaction does. The epoch can: what a socket reported
    before it was displaced is a fact.
    """
    values = {"station": station, "generation": generation}
    found: int | None = (await tx.execute(_STANDS_FOR_A_FACT, values)).scalar()
    return found


async def stands_for_claim(tx: Tx, station: str, generation: str, *, password_hash: str) -> bool:
    """Whether this is the station's generation, and the password is one of its passwords.

    Neither can end before this transaction does. That holds against CreateStation of a station that
    was only admitted, too. password_hash: of the password that was shown; "" when none was asked.
    """
    values = {"station": station, "generation": generation, "password_hash": password_hash}
    return (await tx.execute(_STANDS_FOR_A_CLAIM, values)).first() is not None


async def epoch_within_now(tx: Tx, station: str, generation: str) -> int | None:
    """As `epoch_within`, for a read: the generation may end at any moment."""
    values = {"station": station, "generation": generation}
    found: int | None = (await tx.execute(_STANDS_NOW, values)).scalar()
    return found


async def current(tx: Tx, ids: Sequence[str], *, hold: bool = False) -> dict[str, StationRight]:
    """Who may be these stations; one that does not exist is left out.

    hold: no generation of them can end before this transaction does.
    """
    found = (
        select(stations.c.id, stations.c.generation, _EPOCH, stations.c.security_profile)
        .select_from(_WITH_SOCKETS)
        .where(stations.c.id.in_(ids))
    )
    if hold:
        found = found.order_by(stations.c.id)
        found = found.with_for_update(read=True, key_share=True, of=stations)
    return {id: StationRight(*right) for id, *right in await tx.execute(found)}


async def delete(tx: Tx, id: str, *, now: datetime) -> bool:
    """Delete the station, what belongs to it alone, and its socket's claim. False: no such station.

    Its transactions and its epoch stay. The station's row goes first: that waits for the facts and
    claims under way. No frame's intent can follow.
    """
    gone = sql_delete(stations).where(stations.c.id == id).returning(stations.c.tenant)
    tenant: str | None = (await tx.execute(gone)).scalar()
    await connections.revoke(tx, id, now=now)
    await tx.execute(sql_delete(connectors).where(connectors.c.station == id))
    await tx.execute(sql_delete(password_rotations).where(password_rotations.c.station == id))
    if tenant is None:
        return False
    await station_left(tx, tenant, id, now)
    return True
