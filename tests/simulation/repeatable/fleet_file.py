"""The fleet of one world after the other, in one file: emptied, not opened anew.

SQLAlchemy keeps its compiled statements with the engine, and SQLite its prepared ones with the
connection; making them anew for every world would cost a third of the time, and a tenth. SQLite
works on the loop, without its thread, which would make the order of a world depend on the machine.
"""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from unittest import mock

from sqlalchemy.ext.asyncio import AsyncEngine

from fleet.database import Database
from fleet.engine.engines import SQLITE_READERS, Engines, open_engines
from fleet.engine.pools import SqlitePool
from fleet.keys import load_sealer

T = TypeVar("T")

PATIENCE_S = 30.0


class _LastingPool(SqlitePool):
    """A pool whose connections stay open, with the statements that SQLite has prepared for them."""

    def __init__(self, engine: AsyncEngine, *, begin: str, size: int) -> None:
        super().__init__(engine, begin=begin, size=size)
        self._size = size

    def move_in(self) -> None:
        """The next world begins: nobody of the last one holds a connection."""
        self.slots = asyncio.Semaphore(self._size)

    async def close(self) -> None:
        """A world ends; the connections wait for the next one."""

    async def close_all(self) -> None:
        """No world follows."""
        await super().close()


class FleetFile:
    """A migrated template, and the copy of it that one world after the other works with."""

    def __init__(self, folder: Path) -> None:
        self._template = folder / "template.db"
        path = folder / "fleet.db"
        asyncio.run(self._migrate())
        shutil.copy(self._template, path)
        self._engines = open_engines(
            f"sqlite:///{path}", timeout_s=PATIENCE_S, synchronous="NORMAL", pool_size=1
        )
        writer, reader = self._engines.writer.engine, self._engines.reader.engine
        self._writer = _LastingPool(writer, begin="BEGIN IMMEDIATE", size=1)
        self._reader = _LastingPool(reader, begin="BEGIN", size=SQLITE_READERS)
        self._eraser = sqlite3.connect(path, isolation_level=None)
        self._eraser.execute("ATTACH ? AS template", (str(self._template),))
        found = self._eraser.execute("SELECT name FROM template.sqlite_schema WHERE type = 'table'")
        self._tables = [name for (name,) in found]

    async def _migrate(self) -> None:
        db = await Database.open(f"sqlite:///{self._template}")
        await load_sealer(db)
        await db.close()

    def empty(self) -> None:
        """As it was in the beginning: the rows and counters of the template. No world may run."""
        self._eraser.execute("BEGIN IMMEDIATE")
        for table in self._tables:
            self._eraser.execute(f"DELETE FROM main.{table}")
            self._eraser.execute(f"INSERT INTO main.{table} SELECT * FROM template.{table}")
        self._eraser.execute("COMMIT")

    def open(self) -> Database:
        """The fleet for one event loop."""
        self._writer.move_in()
        self._reader.move_in()
        engines = self._engines
        fresh = Engines(engines.dialect, engines.url, self._writer, self._reader)
        return Database(fresh, timeout_s=PATIENCE_S)

    async def close(self) -> None:
        """Close every connection."""
        self._eraser.close()
        await self._writer.close_all()
        await self._reader.close_all()


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
