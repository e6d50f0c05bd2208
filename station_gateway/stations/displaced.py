"""What becomes of a socket that a newer one of its station has displaced, here or elsewhere.

Nothing that it says counts any more, and nothing is sent to it. It is asked whether it lives, which
only the gateway that holds it can find out. A silent one was dead: its station has come back. A
living one has a twin. An operator is told, and the twins of a station are counted in the fleet.
"""

from collections.abc import Callable
from datetime import datetime

import structlog

from domain.model.twins import Displacements, displaced_again, in_quarantine
from fleet import connections, generations
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.engine.unavailable import DatabaseUnavailable
from station_gateway.stations.peer import Peer
from station_gateway.stations.registry import REPLACED
from station_gateway.stations.station import ConnectedStation
from telemetry import metrics

log = structlog.get_logger(__name__)

LONGEST_PING_S = 5.0
"""How long a displaced socket may take to answer a ping."""

REMEDY = (
    "give the station a new password: DeleteStation, CreateStation; look for a second station with"
    " its identity, or for one that opens sockets without closing them"
)


class DisplacedSockets:
    """Asks displaced sockets whether they live, closes them, and counts those that did."""

    def __init__(
        self, db: Database, *, ping_timeout_s: float, utc_now: Callable[[], datetime]
    ) -> None:
        self._db = db
        self._ping_timeout_s = min(ping_timeout_s, LONGEST_PING_S)
        self._utc_now = utc_now

    async def look(self, station: ConnectedStation) -> None:
        """Ask the socket whether it lives, and close it."""
        socket, peer = station.socket, station.peer
        alive = await socket.answers(self._ping_timeout_s)
        socket.hang_up(REPLACED, "replaced")
        if not alive:
            log.info("dead_socket_replaced", station=peer.id)
            return
        metrics.SECURITY_EVENTS.labels(event="duplicate_connection").inc()
        log.warning(
            "security_event",
            station=peer.id,
            event_type="duplicate_connection",
            connection_id=peer.connection_id,
            remedy=REMEDY,
        )
        try:
            before, after = await self._db.batch(lambda tx: _count(tx, peer, self._utc_now()))
        except DatabaseUnavailable:
            log.warning("duplicate_connection_not_counted", station=peer.id)
            return
        self._tell_quarantine(peer, before, after)

    def _tell_quarantine(self, peer: Peer, before: Displacements, after: Displacements) -> None:
        if after.quarantine_end == before.quarantine_end:
            return
        if not in_quarantine(before.quarantine_end, self._utc_now()):
            metrics.SECURITY_EVENTS.labels(event="station_quarantined").inc()
        log.error(
            "station_quarantined",
            station=peer.id,
            until=str(after.quarantine_end),
            displacements=len(after.times),
            remedy=REMEDY,
        )


async def _count(tx: Tx, peer: Peer, now: datetime) -> tuple[Displacements, Displacements]:
    """Count one more displacement of the station. Returns what was known before, and what is now.

    One that was deleted or created anew meanwhile has a new password: nothing is counted then.
    """
    if await generations.epoch_within(tx, peer.id, peer.generation) is None:
        return Displacements(), Displacements()
    before = await connections.displacements(tx, peer.id)
    after = displaced_again(before, now)
    await connections.keep_displacements(tx, peer.id, after)
    return before, after
