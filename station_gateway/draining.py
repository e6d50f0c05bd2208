"""The drain of a gateway: each station leaves as soon as it has no frame out.

A station whose socket is closed with 1012 (service restart) connects again, to another gateway or
to a new process. Idle stations are closed first, in batches, and the fleet learns at once that they
move: their commands wait for them. A station that has not answered a frame keeps its socket until
its answer, or until the limit of the drain; it gets no other frame. So a silent station keeps no
other one waiting.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any

import structlog

from fleet import connections
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.engine.unavailable import DatabaseUnavailable
from station_gateway.session.events import SERVICE_RESTART
from station_gateway.settings import GatewaySettings
from station_gateway.stations.registry import Registry
from station_gateway.stations.station import ConnectedStation
from station_gateway.stations.waiting import StationGone

log = structlog.get_logger(__name__)

DRAINED = "drained"
"""Why a socket was closed, in the metric."""


class Drain:
    """Closes all sockets of one gateway, and gives up the claim of each one as it goes."""

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

    async def run(self) -> None:
        """Return when no socket is open any longer; after `drain_timeout_s` at the latest."""
        limit_s = asyncio.get_running_loop().time() + self._settings.drain_timeout_s
        answering = await self._close_idle()
        if answering:
            left_s = max(limit_s - asyncio.get_running_loop().time(), 0.0)
            _, late = await asyncio.wait(answering, timeout=left_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self.close(list(self._registry))

    async def _close_idle(self) -> list[asyncio.Task[None]]:
        """Close the idle stations in batches. Returns one task for each of the others."""
        answering: list[asyncio.Task[None]] = []
        stations, batch = list(self._registry), self._settings.drain_batch
        for begin in range(0, len(stations), batch):
            idle: list[ConnectedStation] = []
            for station in stations[begin : begin + batch]:
                answer = _answer_of(station)
                if answer is None:
                    idle.append(station)
                else:
                    answering.append(asyncio.create_task(self._close_after(answer, station)))
            await self.close(idle)
            await asyncio.sleep(self._settings.drain_pause_s)
        return answering

    async def _close_after(
        self, answer: Coroutine[Any, Any, None], station: ConnectedStation
    ) -> None:
        await answer
        await self.close([station])

    async def close(self, stations: Sequence[ConnectedStation], reason: str = DRAINED) -> None:
        """Close these sockets, and give up their claims: their stations move.

        The claim of a relayed one is given up later, when all that it said is recorded.
        reason: in the metric.
        """
        if not stations:
            return
        for station in stations:
            station.peer.moves = True
            station.end(reason, SERVICE_RESTART)
        now = self._utc_now()
        free = [station.peer for station in stations if not station.peer.relayed]

        async def write(tx: Tx) -> None:
            for peer in free:
                await connections.release(
                    tx, station=peer.id, connection_id=peer.connection_id, now=now, moves=True
                )

        try:
            await self._db.batch(write)
        except DatabaseUnavailable:
            log.warning("stations_not_released", stations=len(stations))


def _answer_of(station: ConnectedStation) -> Coroutine[Any, Any, None] | None:
    """Waits until the frame that is out has its answer, recorded, and lets no other one out.

    None: nothing is out nor to be recorded, or its socket is closed already.
    """
    try:
        queue = station.queue()
    except StationGone:
        return None
    if not queue.busy:
        return None
    station.dismiss_waiters()
    return queue.emptied()
