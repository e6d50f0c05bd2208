"""The task that begins the workflows of bookings when their time has come.

A booking is rows until its EVSE is to be chosen, or until it should have been confirmed. Each row
says when that is. Several processes may look: who begins a booking locks its pool, and clears the
time.
"""

import asyncio

import structlog

from fleet import bookings
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.engine.unavailable import DatabaseUnavailable
from journal.bookings.rows import booking_from
from journal.bookings.waking import wake_booking
from journal.clock import Clock

LOOK_S = 2.0
"""How often it is looked for bookings whose time has come."""

MOST_AT_ONCE = 100
"""How many are begun in one transaction."""

_log = structlog.get_logger(__name__)


class DueBookings:
    """Looks for bookings about which something has to be done."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def run(self) -> None:
        """Look again and again, until it is cancelled."""
        while True:
            begun = 0
            try:
                begun = await self.look()
            except DatabaseUnavailable:
                _log.warning("due_bookings_not_looked_for")
            if begun < MOST_AT_ONCE:
                await asyncio.sleep(LOOK_S)

    async def look(self) -> int:
        """Begin those that are due; how many were. Raises: DatabaseUnavailable."""
        async with self._db.read() as tx:
            if not await bookings.due(tx, self._clock(), 1):
                return 0
        return await self._db.batch(self._begin)

    async def _begin(self, tx: Tx) -> int:
        now = self._clock()
        begun = await bookings.take_due(tx, now, MOST_AT_ONCE)
        for row in begun:
            await wake_booking(tx, booking_from(row), "its time has come", now)
        return len(begun)
