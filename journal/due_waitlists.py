"""The task that looks after the waiting lists: offers that are over, and places to be offered.

A change of a pool makes those who wait due. Each pool with somebody who is due is locked, looked
after and left again. Several processes may look: the second one finds nothing left to do.
"""

import asyncio

import structlog

from fleet import bookings
from fleet.database import Database
from fleet.engine.unavailable import DatabaseUnavailable
from journal.bookings.offering import forget, serve
from journal.bookings.rows import locked_pool
from journal.clock import Clock

LOOK_S = 2.0
"""How often it is looked for somebody who waits and is due."""

MOST_POOLS = 50
"""In how many pools it is looked at once."""

_log = structlog.get_logger(__name__)


class DueWaitlists:
    """Looks after who waits, when something has to be done about them."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def run(self) -> None:
        """Look again and again, until it is cancelled."""
        while True:
            looked = 0
            try:
                looked = await self.look()
            except DatabaseUnavailable:
                _log.warning("due_waitlists_not_looked_for")
            if not looked:
                await asyncio.sleep(LOOK_S)

    async def look(self) -> int:
        """Do what is due; in how many pools there was something. Raises: DatabaseUnavailable."""
        async with self._db.read() as tx:
            pools = await bookings.pools_with_due(tx, self._clock(), MOST_POOLS)
        for tenant, pool in pools:
            async with self._db.write() as tx:
                known, now = await locked_pool(tx, tenant, pool), self._clock()
                if known is None:
                    await forget(tx, tenant, pool, now)
                else:
                    await serve(tx, known, now)
        return len(pools)
