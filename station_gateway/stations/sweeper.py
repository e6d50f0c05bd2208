"""Pings thousands of sockets, ends those that are dead or revoked, and records last-seen times."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import structlog

from fleet import generations, stations
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.engine.unavailable import DatabaseUnavailable
from station_gateway.session.events import GOING_AWAY, POLICY_VIOLATION
from station_gateway.settings import GatewaySettings
from station_gateway.stations.peer import Peer
from station_gateway.stations.registry import Registry
from station_gateway.stations.standing import Revoked, check_right, stands
from station_gateway.stations.station import ConnectedStation

log = structlog.get_logger(__name__)

STATIONS_BATCH = 500
"""Stations that are read, or written, in one database transaction."""


class Sweeper:
    """Finds dead sockets, and records when each station was last heard."""

    def __init__(
        self,
        db: Database,
        registry: Registry,
        settings: GatewaySettings,
        *,
        utc_now: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._registry = registry
        self._settings = settings
        self._utc_now = utc_now
        self._seen_until_s = 0.0

    async def run(self) -> None:
        """Sweep until cancelled."""
        loop = asyncio.get_running_loop()
        self._seen_until_s = written_s = loop.time()
        while True:
            await asyncio.sleep(self._settings.sweep_interval_s)
            now_s = loop.time()
            for station in self._registry:
                self.look_at(station, now_s)
            if now_s - written_s >= self._settings.last_seen_interval_s:
                written_s = now_s
                await self.write_seen(now_s)

    async def run_revocations(self) -> None:
        """Close the sockets that are no longer their station's, until cancelled."""
        while True:
            await asyncio.sleep(self._settings.revocation_interval_s)
            try:
                await self.close_revoked()
            except DatabaseUnavailable:
                log.warning("revocations_not_read")

    async def close_revoked(self) -> None:
        """Close every socket whose right is over. Raises: DatabaseUnavailable.

        Its generation is over, a newer socket displaced it elsewhere, or TLS or a certificate is
        demanded by now.
        """
        held = list(self._registry)
        for begin in range(0, len(held), STATIONS_BATCH):
            batch = held[begin : begin + STATIONS_BATCH]
            async with self._db.read() as tx:
                current = await generations.current(tx, [each.peer.id for each in batch])
            for station in batch:
                try:
                    right = check_right(station.peer, current.get(station.peer.id))
                except Revoked as over:
                    station.revoke(over)
                else:
                    _close_below(station, right.security_profile)

    def look_at(self, station: ConnectedStation, now_s: float) -> None:
        """Ping a silent socket; end one that stays silent."""
        settings = self._settings
        for socket in station.sockets:
            silent_s = now_s - socket.heard_s
            if socket.pinged and silent_s >= settings.ping_interval_s + settings.ping_timeout_s:
                log.warning("dead_socket", station=station.peer.id, silent_s=round(silent_s))
                station.lose(socket, "dead_socket")
                socket.abort()
            elif silent_s >= settings.ping_interval_s and not socket.pinged:
                socket.ping_now()
        if 0 < settings.idle_timeout_s <= now_s - station.message_s:
            station.end("idle", GOING_AWAY)

    async def write_seen(self, now_s: float) -> None:
        """Write the last-seen time of every station that was heard since the last call."""
        now, since_s, self._seen_until_s = self._utc_now(), self._seen_until_s, now_s
        seen = [
            (station.peer, now - timedelta(seconds=now_s - station.message_s))
            for station in self._registry
            if station.message_s >= since_s
        ]
        for begin in range(0, len(seen), STATIONS_BATCH):
            touch = partial(_touch, seen=seen[begin : begin + STATIONS_BATCH])
            try:
                await self._db.batch(touch)
            except DatabaseUnavailable:
                log.warning("last_seen_not_written")
                return


def _close_below(station: ConnectedStation, security_profile: int) -> None:
    """Close a socket that does not keep the security profile that its station has by now."""
    if security_profile >= 2 and not station.peer.tls:
        log.warning("socket_without_tls_closed", station=station.peer.id)
        station.end("tls required", POLICY_VIOLATION)
    elif security_profile >= 3 and not station.peer.certified:
        log.warning("socket_without_certificate_closed", station=station.peer.id)
        station.end("certificate required", POLICY_VIOLATION)


async def _touch(tx: Tx, seen: list[tuple[Peer, datetime]]) -> None:
    """Store when these were heard, but for those that are no longer their station's sockets."""
    current = await generations.current(tx, [peer.id for peer, _ in seen], hold=True)
    own = [(peer.id, at) for peer, at in seen if stands(peer, current.get(peer.id))]
    await stations.touch(tx, own)
