"""Delivers the outbox of wake-ups to Temporal as signals, at least once.

A row is written in the transaction of a fact and deleted when Temporal took its signal. A signal
that Temporal did not take, or that a killed process left behind, is repeated by the sweep. A row
may say how to start its workflow: then the workflow is started where it is not running.
"""

import asyncio
from datetime import timedelta

import structlog
from temporalio.client import Client
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDReusePolicy,
)
from temporalio.service import RPCError, RPCStatusCode

from contract.commands import WakeInput
from contract.names import WAKE_SIGNAL
from fleet import wakeups
from fleet.database import Database
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.wakeups import Start, Wakeup
from journal.clock import Clock, system_clock
from telemetry import metrics

_BATCH = 200
"""How many rows are read at once: more would hold the first signals up."""

_AT_ONCE = 32
"""How many signals are under way at once: Temporal's server answers each within milliseconds."""

_log = structlog.get_logger(__name__)


class WakeupDispatcher:
    """Signals the workflows in the outbox: at once when kicked, and in a sweep.

    sweep_s: how often the outbox is read without a kick.
    settle_s: how old a row must be before a sweep repeats it. Younger rows belong to the process
        that wrote them: it was kicked and is delivering them.
    signal_timeout_s: limit of one signal's RPC.
    """

    def __init__(
        self,
        db: Database,
        client: Client,
        *,
        sweep_s: float = 3.0,
        settle_s: float = 2.0,
        signal_timeout_s: float = 5.0,
        clock: Clock = system_clock,
    ) -> None:
        self._db = db
        self._client = client
        self._sweep_s = sweep_s
        self._settle = timedelta(seconds=settle_s)
        self._signal_timeout = timedelta(seconds=signal_timeout_s)
        self._clock = clock
        self._kicked = asyncio.Event()

    def kick(self) -> None:
        """Says that a transaction with wake-ups was committed. Never blocks."""
        self._kicked.set()

    async def run(self) -> None:
        """Delivers until cancelled. Database and Temporal may come and go meanwhile."""
        with self._db.on_outbox(self.kick):
            while True:
                kicked = await self._kick_or_sweep()
                try:
                    await self._deliver(missed=not kicked)
                except DatabaseUnavailable:
                    _log.warning("wakeups_wait_for_database")
                    await asyncio.sleep(self._sweep_s)

    async def _kick_or_sweep(self) -> bool:
        try:
            async with asyncio.timeout(self._sweep_s):
                await self._kicked.wait()
        except TimeoutError:
            return False
        self._kicked.clear()
        return True

    async def _deliver(self, *, missed: bool) -> None:
        before = self._clock() - self._settle if missed else self._clock()
        while True:
            async with self._db.read() as tx:
                due = await wakeups.due(tx, before=before, limit=_BATCH)
            if missed and due:
                metrics.WAKEUPS_REPEATED.inc(len(due))
            delivered = await self._signal_all(due)
            await self._forget(delivered)
            if len(due) < _BATCH or len(delivered) < len(due):
                return

    async def _forget(self, ids: list[int]) -> None:
        if ids:
            await self._db.batch(lambda tx: wakeups.done(tx, ids))

    async def _signal_all(self, due: list[Wakeup]) -> list[int]:
        """Sends one signal per workflow, however many rows it has. Returns what is done."""
        reasons: dict[str, list[Wakeup]] = {}
        for wakeup in due:
            reasons.setdefault(wakeup.workflow_id, []).append(wakeup)
        limit = asyncio.Semaphore(_AT_ONCE)

        async def one(workflow_id: str, rows: list[Wakeup]) -> list[int]:
            async with limit:
                try:
                    starts = (row.starts for row in reversed(rows) if row.start is not None)
                    taken = await self._signal(workflow_id, rows[-1].reason, next(starts, None))
                except Exception:  # one row that nobody can use must not hold up the others
                    metrics.UNUSABLE_WAKEUPS.inc()
                    _log.exception("wakeup_unusable", workflow=workflow_id)
                    taken = False
            return [row.id for row in rows] if taken else []

        results = await asyncio.gather(*(one(*item) for item in reasons.items()))
        return [row_id for ids in results for row_id in ids]

    async def _signal(self, workflow_id: str, reason: str, start: Start | None) -> bool:
        """Whether Temporal took the signal, so that its rows can go."""
        try:
            if start is None:
                handle = self._client.get_workflow_handle(workflow_id)
                await handle.signal(
                    WAKE_SIGNAL, WakeInput(reason), rpc_timeout=self._signal_timeout
                )
            else:
                await self._start(workflow_id, reason, start)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return True  # the workflow has ended: nobody waits for this wake-up
            _log.warning("wakeup_not_taken", workflow=workflow_id, status=error.status.name)
            return False
        return True

    async def _start(self, workflow_id: str, reason: str, start: Start) -> None:
        """Signals the workflow; starts it where none with this id is running."""
        attributes = [
            SearchAttributePair(SearchAttributeKey.for_keyword(name), value)
            for name, value in start.attributes.items()
        ]
        await self._client.start_workflow(
            start.workflow,
            start.argument,
            id=workflow_id,
            task_queue=start.queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            start_signal=WAKE_SIGNAL,
            start_signal_args=[WakeInput(reason)],
            search_attributes=TypedSearchAttributes(attributes),
            static_summary=start.summary or None,
            static_details=start.details or None,
            rpc_timeout=self._signal_timeout,
        )
