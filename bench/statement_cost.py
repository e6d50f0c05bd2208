"""Microseconds of CPU that a statement takes on SQLite, next to SQLAlchemy and aiosqlite as they
come.

Two things in `fleet/engine` go past other packages, and these are the numbers that justify them:
`precompiled` runs marked statements without SQLAlchemy between them and the driver, and `sqlite`
runs short statements on the event loop instead of in aiosqlite's thread. Three ways are measured,
in turns, in one process, on one file: ours; SQLAlchemy's statements on our connection; SQLAlchemy's
statements and pool on aiosqlite's connection. Numbers are medians of the turns, CPU time of all
threads.

    python -m bench statement-cost
"""

import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bench.report import Figure
from fleet import stations
from fleet.database import Database
from fleet.engine.precompiled import sqlalchemy_only
from fleet.engine.statements import Tx
from fleet.log import commands
from fleet.log.event_log import Columns

TURNS = 7
PER_TURN = 300
CHEAPER = 2
NOW = datetime(2026, 1, 1, tzinfo=UTC)

Open = Callable[[], AbstractAsyncContextManager[Tx]]
Work = Callable[[Open, Open], Awaitable[None]]


class _Numbers:
    """Numbers that no change of the log had before."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> int:
        self._last += 1
        return self._last


_numbers = _Numbers()


async def _statements(read: Open, _write: Open) -> None:
    async with read() as tx:
        for _ in range(PER_TURN):
            await stations.get(tx, "CP1")


async def _reads(read: Open, _write: Open) -> None:
    for _ in range(PER_TURN):
        async with read() as tx:
            await stations.get(tx, "CP1")


async def _appends(_read: Open, write: Open) -> None:
    """Changes of the log, each in a transaction of its own."""
    for _ in range(PER_TURN):
        number = _numbers.next()
        async with write() as tx:
            await commands.append(
                tx,
                tenant="bench",
                name=f"c{number % 50}",
                key=f"k{number}",
                change=lambda _: {"padding": "x" * 300},
                columns=lambda _: Columns("CP1", "START_SESSION", "QUEUED", "", NOW),
                now=NOW,
            )


WORKS: dict[str, Work] = {"statement": _statements, "read": _reads, "append": _appends}


def _stock_engine(path: str) -> AsyncEngine:
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}")

    @event.listens_for(engine.sync_engine, "connect")
    def as_fast_as_ours(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.close()

    return engine


async def _time(work: Work, read: Open, write: Open) -> float:
    began = time.process_time()
    await work(read, write)
    return (time.process_time() - began) / PER_TURN * 1e6


async def measure_work(name: str, work: Work, db: Database, stock: AsyncEngine) -> Figure:
    """All three ways in turns."""
    ours, ours_with_sqlalchemy, as_they_come = [], [], []
    for _ in range(TURNS):
        ours.append(await _time(work, db.read, db.write))
        with sqlalchemy_only():
            ours_with_sqlalchemy.append(await _time(work, db.read, db.write))
            as_they_come.append(await _time(work, stock.connect, stock.begin))
    own, middle, plain = map(statistics.median, (ours, ours_with_sqlalchemy, as_they_come))
    return Figure(
        f"statement_cost_{name}",
        round(own, 1),
        round(plain, 1),
        "us of CPU",
        target=f"{CHEAPER} times cheaper",
        ok=plain / own >= CHEAPER,
        details={
            "sqlalchemy_on_our_connection": round(middle, 1),
            "times_cheaper": round(plain / own, 1),
        },
    )


async def measure() -> None:
    """Print one line per kind of work."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/fleet.db"
        db, stock = await Database.open(f"sqlite:///{path}"), _stock_engine(path)
        async with db.write() as tx:
            await stations.admit(tx, id="CP1", tenant="bench", now=NOW)
        for name, work in WORKS.items():
            (await measure_work(name, work, db, stock)).report()
        await stock.dispose()
        await db.close()
