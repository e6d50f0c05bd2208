"""The fleet of one world after the other, in one file: emptied, not opened anew.

SQLAlchemy keeps its compiled statements with the engine; making engines anew for every world would
cost a third of the time. SQLite works on the loop, without its thread, which would make the order
of a world depend on the machine.
"""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from unittest import mock

from fleet.database import Database
from fleet.engine.engines import SQLITE_READERS, Engines, open_engines
from fleet.engine.pools import SqlitePool
from fleet.keys import load_sealer

T = TypeVar("T")

PATIENCE_S = 30.0


class FleetFile:
    """A migrated template, and the copy of it that a world works with."""

    def __init__(self, folder: Path) -> None:
        self._template = folder / "template.db"
        self._path = folder / "fleet.db"
        asyncio.run(self._migrate())
        self._engines = open_engines(
            f"sqlite:///{self._path}", timeout_s=PATIENCE_S, synchronous="NORMAL", pool_size=1
        )

    async def _migrate(self) -> None:
        db = await Database.open(f"sqlite:///{self._template}")
        await load_sealer(db)
        await db.close()

    def empty(self) -> None:
        """As it was in the beginning. The database must be closed."""
        for old in self._path.parent.glob("fleet.db*"):
            old.unlink()
        shutil.copy(self._template, self._path)

    def open(self) -> Database:
        """The fleet for one event loop."""
        engines = self._engines
        writer, reader = engines.writer.engine, engines.reader.engine
        fresh = Engines(
            engines.dialect,
            engines.url,
            SqlitePool(writer, begin="BEGIN IMMEDIATE", size=1),
            SqlitePool(reader, begin="BEGIN", size=SQLITE_READERS),
        )
        return Database(fresh, timeout_s=PATIENCE_S)


class _NoThread:
    """Stands where a SQLite connection has its thread."""

    async def run(self, work: Callable[[], T]) -> T:
        """Do the work now."""
        return work()

    def end(self, last: Callable[[], object]) -> None:
        """Do the last work now."""
        last()


@contextmanager
def sqlite_on_the_loop() -> Iterator[None]:
    """Connections opened inside of the block work on the loop."""
    with mock.patch("fleet.engine.sqlite.ConnectionThread", _NoThread):
        yield
