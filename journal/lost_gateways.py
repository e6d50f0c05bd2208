"""The task that tells who watches stations that a gateway died, and its stations with it.

A gateway that is killed writes nothing any more: its lease runs out. That is no change of a row, so
somebody has to notice it. Several processes may look: each loss is told once.
"""

import asyncio

import structlog

from fleet import connections
from fleet.database import Database
from fleet.engine.unavailable import DatabaseUnavailable
from journal.clock import Clock

LOOK_S = 2.0
"""How often it is looked for gateways whose leases have run out."""

_log = structlog.get_logger(__name__)


class LostGateways:
    """Looks for gateways that were lost, and for those that are back."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def run(self) -> None:
        """Look again and again, until it is cancelled."""
        while True:
            try:
                await self.look()
            except DatabaseUnavailable:  # then nobody can be told either
                _log.warning("lost_gateways_not_looked_for")
            await asyncio.sleep(LOOK_S)

    async def look(self) -> int:
        """Tell of each that is news; how many were. Raises: DatabaseUnavailable."""
        async with self._db.read() as tx:
            if not await connections.has_untold(tx, now=self._clock()):
                return 0
        told = await self._db.batch(lambda tx: connections.tell_lost(tx, now=self._clock()))
        if told:
            _log.warning("gateways_lost_or_back", gateways=told)
        return told
