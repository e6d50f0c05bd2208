"""The lease of a gateway process, and the thread that keeps it.

A lease says that the connections of this process stand. It is renewed from a thread with an event
loop and a database connection of its own: a crowd of stations may keep the gateway's event loop
busy for longer than the lease lasts, and its connections stand all the same.

A loop that does not come round for `stall_limit_s` serves nobody any more. A task on that loop
notes its turns, and the lease never reaches further than this limit after the last one
(`domain.model.lease`). So no command waits for a process that hangs. When the loop comes round
again, the lease is renewed again.

The thread takes the lease, renews it and gives it up, one after the other. So no renewal can come
after the end.

A lease also says that what the stations told is written: who finds nothing may say that nothing
happened. While the database is away, reports wait here. So a lease that could not be renewed is
renewed only when they are written; whoever judges in between finds a gateway that is not there. For
the same reason a lease is not longer than the margin that a report is given (`effect_margin_s`).
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from domain.model.lease import lease_end
from fleet import connections
from fleet.database import Database
from fleet.engine.database import SqlDatabase
from fleet.engine.unavailable import DatabaseUnavailable
from journal.clock import Clock
from journal.fleet_clock import elapsed_s
from station_gateway.line import DirectLine
from station_gateway.settings import GatewaySettings
from telemetry.supervision import supervised

log = structlog.get_logger(__name__)

_GIVE_UP_S = 5.0
"""How long the end of a gateway waits for its lease to be given up; the database may be away."""


class Lease:
    """The lease of one gateway process. Only `turns` needs the gateway's event loop.

    line: its address stands beside the lease.
    caught_up: returns, on the gateway's event loop, when no report of a station waits there.
    elapsed: seconds by a clock that nobody sets.
    """

    def __init__(
        self,
        gateway: str,
        settings: GatewaySettings,
        line: DirectLine,
        *,
        utc_now: Clock,
        caught_up: Callable[[], Coroutine[Any, Any, None]],
        elapsed: Callable[[], float] = elapsed_s,
    ) -> None:
        self._gateway = gateway
        self._line = line
        self._utc_now = utc_now
        self._caught_up = caught_up
        self._catch_up_s = settings.stall_limit_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._elapsed = elapsed
        self._lasts = timedelta(seconds=settings.lease_s)
        self._patience = timedelta(seconds=settings.stall_limit_s)
        self._pause_s = settings.lease_renewal_s
        self._turn_s = elapsed()

    async def turns(self) -> None:
        """Note the turns of the event loop on which this runs, until cancelled."""
        self._loop = asyncio.get_running_loop()
        while True:
            self._turn_s = self._elapsed()
            await asyncio.sleep(self._pause_s)

    async def renew(self, db: SqlDatabase) -> None:
        """Take the lease, or renew it. Raises: DatabaseUnavailable."""
        silent = timedelta(seconds=self._elapsed() - self._turn_s)
        if silent > self._lasts:
            log.error(
                "event_loop_stalls", gateway=self._gateway, silent_s=round(silent.total_seconds())
            )
        until = lease_end(
            self._utc_now(), lasts=self._lasts, silent=silent, patience=self._patience
        )
        line = self._line.address
        await db.batch(
            lambda tx: connections.renew_gateway(tx, self._gateway, until=until, line=line)
        )

    async def keep(self, db: SqlDatabase, stop: asyncio.Event) -> None:
        """Renew the lease regularly, until `stop` is set."""
        behind = False
        while not await _is_set_within(self._pause_s, stop):
            if behind and await self._is_stopped_before_all_is_written(stop):
                return
            try:
                await self.renew(db)
            except DatabaseUnavailable:
                behind = True
                log.warning("lease_not_renewed", gateway=self._gateway)
            else:
                behind = False

    async def _is_stopped_before_all_is_written(self, stop: asyncio.Event) -> bool:
        """Wait for what stations told while the database was away; not for ever.

        One report may be stuck for a reason of its own: no other station suffers of it for longer.
        """
        if self._loop is None:
            return stop.is_set()
        written = asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(self._caught_up(), self._loop)
        )
        stopped = asyncio.ensure_future(stop.wait())
        both = (written, stopped)
        await asyncio.wait(both, timeout=self._catch_up_s, return_when=asyncio.FIRST_COMPLETED)
        if not written.done() and not stopped.done():
            log.error("lease_renewed_while_reports_wait", gateway=self._gateway)
        for each in both:
            each.cancel()
        return stop.is_set()

    async def give_up(self, db: SqlDatabase, unrecorded: frozenset[str]) -> None:
        """End the lease and all connections of this process. See `connections.drop_gateway`."""
        try:
            now = self._utc_now()
            await db.batch(
                lambda tx: connections.drop_gateway(
                    tx, self._gateway, now=now, unrecorded=unrecorded
                )
            )
        except DatabaseUnavailable:
            log.warning("lease_not_given_up", gateway=self._gateway)


class LeaseThread:
    """Takes, keeps and gives up a lease in a thread of its own, on the same database as `db`."""

    def __init__(self, lease: Lease, db: Database) -> None:
        self._lease = lease
        self._db = db
        self._stop = asyncio.Event()  # belongs to the loop of the thread
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: Future[None] = Future()
        self._unrecorded: frozenset[str] = frozenset()

    async def start(self) -> None:
        """Return when the lease is taken. Raises: DatabaseUnavailable; then the thread ends."""
        self._loop, taken = asyncio.new_event_loop(), Future[None]()
        taken.set_running_or_notify_cancel()  # who stops waiting for it does not cancel it
        run = partial(self._run, self._loop, taken)
        threading.Thread(target=run, name="lease", daemon=True).start()
        await asyncio.wrap_future(taken)

    async def stop(self, unrecorded: frozenset[str] = frozenset()) -> None:
        """Return when the lease is given up, or after a moment when the database is away.

        Once this is called the lease is not renewed again. Idempotent.
        unrecorded: connections of which not everything is recorded.
        """
        if self._loop is None:
            return
        self._unrecorded = unrecorded
        with suppress(RuntimeError):  # the thread has ended
            self._loop.call_soon_threadsafe(self._stop.set)
        waiting = asyncio.wrap_future(self._ended)
        await asyncio.wait([waiting], timeout=_GIVE_UP_S)
        if not waiting.done():
            log.warning("lease_not_given_up")

    def _run(self, loop: asyncio.AbstractEventLoop, taken: "Future[None]") -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(self._keep(taken))
        finally:
            self._ended.set_result(None)

    async def _keep(self, taken: "Future[None]") -> None:
        db = self._db.alone()
        try:
            try:
                await self._lease.renew(db)
            except BaseException as error:
                taken.set_exception(error)
                return
            taken.set_result(None)
            await supervised("lease", partial(self._lease.keep, db, self._stop))
            await self._stop.wait()  # it was given up, and the process drains
            await self._lease.give_up(db, self._unrecorded)
        finally:
            await db.close()


async def _is_set_within(wait_s: float, event: asyncio.Event) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(wait_s):
            await event.wait()
    return event.is_set()
