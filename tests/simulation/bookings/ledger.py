"""What holders were told of their bookings: every change of a row, at the time of its commit."""

import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from fleet.database import Database
from fleet.engine.statements import Tx
from tests.simulation.bookings.rules.words import BookingWords
from tests.simulation.repeatable.virtual_time import VirtualLoop

T = TypeVar("T")

_ROWS = "SELECT name, state, place, revision, snapshot FROM bookings"


class Ledger:
    """Every change of every booking of one world. digests: of the tokens that they are for."""

    def __init__(self, loop: VirtualLoop, path: Path) -> None:
        self.told: dict[str, list[BookingWords]] = {}
        self.digests: dict[str, str] = {}
        self._loop = loop
        self._reader = sqlite3.connect(path, isolation_level=None)
        self._known: dict[str, tuple[Any, ...]] = {}

    def look(self) -> None:
        """Something was committed."""
        for name, state, place, revision, snapshot in self._reader.execute(_ROWS):
            row = (state, place, revision)
            if self._known.get(name) != row:
                self._known[name] = row
                content = json.loads(snapshot)
                self.digests[name] = content["id_token"]["digest"]
                words = _words(content, state, place, self._loop.utc_now())
                self.told.setdefault(name, []).append(words)

    def close(self) -> None:
        """The world has ended."""
        self._reader.close()


class WatchedDatabase:
    """A database whose commits the ledger sees."""

    def __init__(self, db: Database, ledger: Ledger) -> None:
        self._db = db
        self._ledger = ledger

    async def batch(self, op: Callable[[Tx], Awaitable[T]]) -> T:
        """As `Database.batch`."""
        result = await self._db.batch(op)
        self._ledger.look()
        return result

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Tx]:
        """As `Database.write`."""
        async with self._db.write() as tx:
            yield tx
        self._ledger.look()

    def read(self) -> AbstractAsyncContextManager[Tx]:
        """As `Database.read`."""
        return self._db.read()


def _words(snapshot: dict[str, Any], state: str, place: str, at: datetime) -> BookingWords:
    return BookingWords(
        at=at,
        state=state,
        cause=snapshot.get("cause", ""),
        place=place,
        charged=tuple(each["occasion"] for each in snapshot.get("charges", ())),
        reservation=snapshot.get("reservation", ""),
        start=datetime.fromisoformat(snapshot["start_time"]),
        end=datetime.fromisoformat(snapshot["end_time"]),
        blocked=(snapshot.get("blocked") or {}).get("place", ""),
    )
