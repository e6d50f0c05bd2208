"""The generation of a station: who may be it.

Each CreateStation begins a new generation, and DeleteStation ends the present one. A socket keeps
the generation under which it was admitted. When that is over, so are its claim, its sends and its
facts: they compare the generation in the transaction that writes. The random text is never shown.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy import delete as sql_delete

from fleet import connections
from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx
from fleet.tables import connectors, stations


@dataclass(frozen=True, slots=True)
class SocketRight:
    """What a socket needs to stay a station's: its generation, and TLS from profile 2 on."""

    generation: str
    security_profile: int


_STANDS = select(stations.c.id).where(
    stations.c.id == bindparam("station"), stations.c.generation == bindparam("generation")
)
# A fact must not wait for another one: two of them may hold the row at once, and update it.
_STANDS_FOR_A_FACT = precompiled(_STANDS.with_for_update(read=True, key_share=True))
# A claim must not pass by a CreateStation that registers an admitted station.
_STANDS_FOR_A_CLAIM = precompiled(_STANDS.with_for_update(read=True))
_STANDS_NOW = precompiled(_STANDS)


def begin() -> str:
    """A new generation."""
    return uuid.uuid4().hex


async def stands(tx: Tx, station: str, generation: str) -> bool:
    """Whether this is the station's generation; it cannot end before this transaction does."""
    values = {"station": station, "generation": generation}
    return (await tx.execute(_STANDS_FOR_A_FACT, values)).first() is not None


async def stands_for_claim(tx: Tx, station: str, generation: str) -> bool:
    """As `stands`, also against CreateStation of a station that was only admitted."""
    values = {"station": station, "generation": generation}
    return (await tx.execute(_STANDS_FOR_A_CLAIM, values)).first() is not None


async def stands_now(tx: Tx, station: str, generation: str) -> bool:
    """As `stands`, for a read: it may end at any moment."""
    values = {"station": station, "generation": generation}
    return (await tx.execute(_STANDS_NOW, values)).first() is not None


async def rights(tx: Tx, ids: Sequence[str]) -> dict[str, SocketRight]:
    """What the sockets of these stations need; a station that does not exist is left out."""
    found = select(stations.c.id, stations.c.generation, stations.c.security_profile).where(
        stations.c.id.in_(ids)
    )
    return {id: SocketRight(*right) for id, *right in await tx.execute(found)}


async def current(tx: Tx, ids: Sequence[str], *, hold: bool = False) -> dict[str, str]:
    """The generations of these stations; one that does not exist is left out.

    hold: none of them can end before this transaction does.
    """
    found = select(stations.c.id, stations.c.generation).where(stations.c.id.in_(ids))
    if hold:
        found = found.order_by(stations.c.id).with_for_update(read=True, key_share=True)
    return {row.id: row.generation for row in await tx.execute(found)}


async def delete(tx: Tx, id: str, *, now: datetime) -> bool:
    """Delete the station, its connectors, and its socket's claim. False: no such station.

    Its transactions and its epoch stay. The station's row goes first: that waits for the facts and
    claims under way. No frame's intent can follow.
    """
    done = await tx.execute(sql_delete(stations).where(stations.c.id == id))
    await connections.revoke(tx, id, now=now)
    await tx.execute(sql_delete(connectors).where(connectors.c.station == id))
    return bool(done.rowcount)
