"""Processes that can be killed, and their view of the database.

A process is everything that its tasks do. SIGKILL is sudden: no `finally` of the killed tasks has
any effect outside, because their way to the database, to sockets and to Temporal is gone first.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.wakeups import OUTBOX_GREW
from tests.simulation.repeatable.chance import Chance
from tests.simulation.repeatable.virtual_time import VirtualLoop

T = TypeVar("T")

_current: ContextVar["Process | None"] = ContextVar("process", default=None)


class Process:
    """One operating-system process of ours."""

    def __init__(self, name: str, loop: VirtualLoop) -> None:
        self.name = name
        self.alive = True
        self.tasks: set[asyncio.Task[Any]] = set()
        self._loop = loop

    def spawn(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Run something as a part of this process; what it spawns belongs to it, too."""
        context = copy_context()
        context.run(_current.set, self)
        return self._loop.create_task(work, context=context)

    def kill(self) -> None:
        """SIGKILL."""
        self.alive = False
        for task in list(self.tasks):
            task.cancel()


async def never() -> None:
    """Wait until cancelled."""
    await asyncio.Event().wait()


def own_tasks(loop: VirtualLoop) -> None:
    """Let every task of the loop belong to the process that made it."""

    def make(
        inside: asyncio.AbstractEventLoop, work: Any, context: Any = None
    ) -> "asyncio.Task[Any]":
        task = asyncio.Task(work, loop=inside, context=context)
        owner = context.get(_current) if context is not None else _current.get()
        if owner is not None:
            owner.tasks.add(task)
            task.add_done_callback(owner.tasks.discard)
        return task

    loop.set_task_factory(make)


class ProcessDatabase:
    """The shared database as one process sees it: slow at times, gone at times.

    A commit whose process is killed is either there or not; a commit whose acknowledgement is lost
    is there, and the process believes that it is not.
    """

    def __init__(
        self, db: Database, process: Process, chance: Chance, loop: VirtualLoop, *, calm: bool
    ) -> None:
        self._db = db
        self._process = process
        self._chance = chance
        self._loop = loop
        self._calm = calm
        self._gone_until_s = 0.0
        self.lost_acks = 0.0
        self._on_outbox: list[Callable[[], None]] = []
        self._doom: tuple[int, bool, asyncio.Future[None]] | None = None

    def goes_away(self, for_s: float) -> None:
        """Not reachable for so long, from this process."""
        self._gone_until_s = self._loop.time() + for_s

    def doom(self, writes: int, before: bool, fallen: "asyncio.Future[None]") -> None:
        """At its so many-th write from now the process stops: before the commit, or after it."""
        self._doom = (writes, before, fallen)

    async def batch(self, op: Callable[[Tx], Awaitable[T]]) -> T:
        """As `Database.batch`."""
        await self._way_there()
        falls = self._falls_now()
        if falls is not None and falls[1]:
            falls[2].set_result(None)
            await never()
        result, wakes = await asyncio.shield(outside(self._loop, self._db.batch(_noting(op))))
        if falls is not None:
            falls[2].set_result(None)
            await never()
        if self._chance.happens(self.lost_acks):
            raise DatabaseUnavailable("the acknowledgement was lost")
        for tell in self._on_outbox if wakes else ():
            tell()
        await asyncio.sleep(self._latency())
        return result

    def _falls_now(self) -> "tuple[int, bool, asyncio.Future[None]] | None":
        doom = self._doom
        if doom is None or doom[2].done():
            return None
        self._doom = (doom[0] - 1, doom[1], doom[2])
        return doom if doom[0] <= 1 else None

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Tx]:
        """As `Database.write`. Who is killed inside of it has written nothing."""
        await self._way_there()
        falls = self._falls_now()
        if falls is not None and falls[1]:
            falls[2].set_result(None)
            await never()
        async with self._db.write() as tx:
            yield tx
            wakes = bool(OUTBOX_GREW.items(tx))
        if falls is not None:
            falls[2].set_result(None)
            await never()
        if self._chance.happens(self.lost_acks):
            raise DatabaseUnavailable("the acknowledgement was lost")
        for tell in self._on_outbox if wakes else ():
            tell()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        """As `Database.read`."""
        await self._way_there()
        async with self._db.read() as tx:
            yield tx

    @contextmanager
    def on_outbox(self, tell: Callable[[], None]) -> Iterator[None]:
        """A process is told of its own commits only."""
        self._on_outbox = [tell]
        yield

    async def _way_there(self) -> None:
        if not self._process.alive:
            await never()
        await asyncio.sleep(self._latency())
        if self._loop.time() < self._gone_until_s:
            await asyncio.sleep(self._chance.between(0.01, 2.0))
            raise DatabaseUnavailable("the database is away")

    def _latency(self) -> float:
        return 0.001 if self._calm else self._chance.latency(0.002)


def outside(loop: VirtualLoop, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    """Run what belongs to no process of ours: the database and Temporal are not killed."""
    context = copy_context()
    context.run(_current.set, None)
    return loop.create_task(work, context=context)


def _noting(op: Callable[[Tx], Awaitable[T]]) -> Callable[[Tx], Awaitable[tuple[T, bool]]]:
    """The same write, and whether it (or one that shares its transaction) added a wake-up."""

    async def noted(tx: Tx) -> tuple[T, bool]:
        result = await op(tx)
        return result, bool(OUTBOX_GREW.items(tx))

    return noted
