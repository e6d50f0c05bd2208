"""The savepoint of a shared transaction: one at a time, set anew after each write.

SQLAlchemy's nested transactions cost more than the small writes they protect. So the driver is
called directly: one round trip per write on PostgreSQL, none on SQLite (see `fleet.engine.sqlite`).
"""

from typing import Any

from fleet.engine.sqlite import LoopConnection
from fleet.engine.statements import Tx

_SET = "SAVEPOINT fleet_op"
_RELEASE = "RELEASE SAVEPOINT fleet_op"
_UNDO = "ROLLBACK TO SAVEPOINT fleet_op"


class Savepoints:
    """The one savepoint of a transaction in which several writes run one after the other."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._driver: Any = None

    async def next(self) -> None:
        """Keep what was written so far; what follows can be undone alone."""
        if self._driver is None:
            # The first one goes through SQLAlchemy, so that it begins its transaction.
            await self._tx.exec_driver_sql(_SET)
            self._driver = (await self._tx.get_raw_connection()).driver_connection
        elif isinstance(self._driver, LoopConnection):
            self._driver.defer(_RELEASE, _SET)
        else:
            await self._driver.execute(f"{_RELEASE}; {_SET}")

    async def undo(self) -> None:
        """Undo what was written since `next`."""
        await self._tx.exec_driver_sql(_UNDO)
