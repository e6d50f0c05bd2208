"""Group commit: small writes that arrive together share one transaction.

A commit costs much more than a small write. While one transaction runs, the writes that arrive
wait in a queue; the next transaction takes them all (up to a limit). Nearly always none of them
fails. When one fails, the transaction is rolled back and all of them run again, each in a SAVEPOINT
of its own, so that a failing write undoes only itself. No caller hears "done" before the commit.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from fleet.engine.savepoints import Savepoints
from fleet.engine.statements import Tx
from fleet.engine.unavailable import DatabaseUnavailable, is_deadlock, is_unavailable

T = TypeVar("T")

BATCH_LIMIT = 256
"""How many writes share one transaction at most."""

WAITING_LIMIT = 20_000
"""How many writes may wait; further ones are refused at once."""


@dataclass(slots=True)
class _Write:
    op: Callable[[Tx], Awaitable[Any]]
    done: "asyncio.Future[Any]"
    result: Any = None
    error: Exception | None = None


class GroupCommit:
    """Runs writes of concurrent tasks in shared transactions.

    write: opens a write transaction that commits at its end. at_once: how many may run at once.
    """

    def __init__(
        self, write: Callable[[], AbstractAsyncContextManager[Tx]], *, at_once: int
    ) -> None:
        self._write = write
        self._at_once = at_once
        self._busy = 0
        self._queue: deque[_Write] = deque()
        self._runners: set[asyncio.Task[None]] = set()

    async def run(self, op: Callable[[Tx], Awaitable[T]]) -> T:
        """Run `op` in a shared transaction; returns after its commit.

        `op` may run again when its transaction was chosen to break a deadlock, and it runs to its
        end when the caller is cancelled.

        Raises: DatabaseUnavailable, or what `op` raised (its writes are rolled back then).
        """
        if len(self._queue) >= WAITING_LIMIT:
            raise DatabaseUnavailable("too many writes are waiting for the database")
        write = _Write(op, asyncio.get_running_loop().create_future())
        self._queue.append(write)
        if len(self._runners) < self._at_once:
            runner = asyncio.create_task(self._drain(), name="fleet-group-commit")
            self._runners.add(runner)
            runner.add_done_callback(self._runners.discard)  # when it is cancelled before its start
        result: T = await write.done
        return result

    async def close(self) -> None:
        """Wait until every accepted write is decided."""
        while self._runners:
            await asyncio.wait(self._runners)

    async def _drain(self) -> None:
        try:
            while self._queue:
                await asyncio.sleep(0)  # what arrives in this turn of the loop comes along
                writes = self._take()
                self._busy += 1
                try:
                    await self._decide(writes)
                finally:
                    self._busy -= 1
        finally:
            # Here and not in a callback: a caller that just got its result may write again before
            # a callback runs, and would then find a runner that takes nothing more.
            self._runners.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    def _take(self) -> list[_Write]:
        """Take this runner's share of the queue: what the runners that are free divide evenly."""
        free = self._at_once - self._busy
        share = min(BATCH_LIMIT, -(-len(self._queue) // free))
        return [self._queue.popleft() for _ in range(share)]

    async def _decide(self, writes: list[_Write]) -> None:
        """Commit the writes and give every caller its result or its error."""
        try:
            await self._commit(writes)
        except BaseException as error:
            # The database failed, or this runner was cancelled: no caller may hear "done".
            for write in writes:
                _resolve(write, error)
            if not isinstance(error, Exception):
                raise
        for write in writes:
            if write.error is not None and is_deadlock(write.error):
                await self._again(write)
            # After an unavailable database every write is resolved already: this changes nothing.
            _resolve(write, write.error)

    async def _commit(self, writes: list[_Write]) -> None:
        """Commit all writes together; apart when one of them fails.

        Raises: DatabaseUnavailable and its causes. A failing write keeps its error.
        """
        try:
            async with self._write() as tx:
                for write in writes:
                    write.result = await write.op(tx)
        except Exception as error:
            if is_unavailable(error) or isinstance(error, DatabaseUnavailable):
                raise  # no write is to blame, and running them again would fail again
            if len(writes) == 1:
                writes[0].error = error
                return
            await self._commit_apart(writes)

    async def _commit_apart(self, writes: list[_Write]) -> None:
        """Commit the writes in one transaction, each in a savepoint of its own."""
        async with self._write() as tx:
            savepoints = Savepoints(tx)
            for write in writes:
                await savepoints.next()
                try:
                    write.result = await write.op(tx)
                except Exception as error:
                    if is_unavailable(error):
                        raise
                    write.error = error
                    await savepoints.undo()

    async def _again(self, write: _Write) -> None:
        """Repeat, alone, a write whose transaction PostgreSQL ended to break a deadlock."""
        write.error = None
        try:
            await self._commit([write])
        except Exception as error:
            write.error = error


def _resolve(write: _Write, error: BaseException | None) -> None:
    if write.done.done():  # resolved before, or the caller was cancelled
        return
    if error is None:
        write.done.set_result(write.result)
    elif isinstance(error, Exception):
        write.done.set_exception(error)
    else:
        write.done.cancel()
