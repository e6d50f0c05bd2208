"""What a socket writes stands only while it is its station's newest one, in one generation of it.

After DeleteStation, or a later CreateStation, the socket is nobody's: nothing that it says is kept.
The same holds once a newer socket of the station has displaced it, at whichever gateway.
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


class Displaced(Revoked):
    """A newer socket has the station. Nothing was written."""


async def check_standing(tx: Tx, peer: Peer) -> None:
    """Have the generation last until the commit. Raises: Revoked, Displaced."""
    check_epoch(peer, await generations.epoch_within(tx, peer.id, peer.generation))


async def check_generation(tx: Tx, peer: Peer) -> None:
    """As `check_standing`, for what counts of a displaced socket, too. Raises: Revoked."""
    if await generations.epoch_within(tx, peer.id, peer.generation) is None:
        raise Revoked(peer.id)


async def check_standing_now(tx: Tx, peer: Peer) -> None:
    """As `check_standing`, for a read. Raises: Revoked, Displaced."""
    check_epoch(peer, await generations.epoch_within_now(tx, peer.id, peer.generation))


def check_right(peer: Peer, right: generations.StationRight | None) -> generations.StationRight:
    """The right of the peer, compared with who may be its station now; None: no such station.

    Raises: Revoked, Displaced.
    """
    if right is None or right.generation != peer.generation:
        raise Revoked(peer.id)
    check_epoch(peer, right.epoch)
    return right


def stands(peer: Peer, right: generations.StationRight | None) -> bool:
    """Whether the peer is its station's newest socket. right: as for `check_right`."""
    return right is not None and right[:2] == (peer.generation, peer.epoch)


def check_epoch(peer: Peer, epoch: int | None) -> None:
    """Compare the peer's epoch with its station's newest one. Raises: Revoked, Displaced.

    epoch: None when the peer's generation is over.
    """
    if epoch is None:
        raise Revoked(peer.id)
    if epoch != peer.epoch:
        raise Displaced(peer.id)


async def write_as(db: Database, peer: Peer, op: Callable[[Tx], Awaitable[T]]) -> T:
    """As `Database.batch`, for what the peer told. Raises: Revoked, Displaced, as well."""

    async def write(tx: Tx) -> T:
        await check_standing(tx, peer)
        return await op(tx)

    return await db.batch(write)


async def write_doubt_as(db: Database, peer: Peer, op: Callable[[Tx], Awaitable[T]]) -> T:
    """As `write_as`, for what proves nothing and makes an outcome UNKNOWN at most.

    It is kept of a displaced socket, too: it came before, perhaps, while the database was away.
    """

    async def write(tx: Tx) -> T:
        await check_generation(tx, peer)
        return await op(tx)

    return await db.batch(write)
