"""What a socket writes stands only while its station does, in the generation that it was admitted.

After DeleteStation, or a later CreateStation, the socket is nobody's: nothing that it says is kept.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from fleet import generations
from fleet.database import Database
from fleet.engine.statements import Tx
from station_gateway.stations.peer import Peer

T = TypeVar("T")


class Revoked(Exception):
    """The station of this socket was deleted, and perhaps created anew. Nothing was written."""


async def check_standing(tx: Tx, peer: Peer) -> None:
    """Have the peer's right last until the commit. Raises: Revoked."""
    if not await generations.stands(tx, peer.id, peer.generation):
        raise Revoked(peer.id)


async def write_as(db: Database, peer: Peer, op: Callable[[Tx], Awaitable[T]]) -> T:
    """As `Database.batch`, for what the peer told. Raises: Revoked, as well."""

    async def write(tx: Tx) -> T:
        await check_standing(tx, peer)
        return await op(tx)

    return await db.batch(write)
