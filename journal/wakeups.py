"""Delivers the outbox of wake-ups to Temporal as signals, at least once.

A row is written in the transaction of a fact and deleted when Temporal took its signal. A row may
say how to start its workflow: then the workflow is started where it is not running.

No workflow stands in front of another one. There are two ways, each with its own room:

    new rows    at once after a commit, and in a sweep for what a killed process left behind
    put back    what Temporal did not take, at a time that moves away with each refusal

So a new row waits for no refused one. What can never be taken is parked: it is counted and logged,
and stays in the table for an operator.

While Temporal takes nothing from anybody, it counts as down: a row is put back for a moment only,
its tries are not counted, and a few rows try whether Temporal is back. Then all of them go.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import structlog

from domain.backoff import pause_after
from fleet import wakeups
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.wakeups import Wakeup
from journal.clock import Clock, system_clock
from journal.signal_pace import SignalPace
from journal.signals import SignalReply, TemporalClient, Word, send_signal
from telemetry import metrics

_BATCH = 1_000
"""How many rows are read at once."""

_SENDS = 64
"""How many workflows are signalled before the outbox is read again. By turns the newest rows and
the oldest go first: a fact that is told now does not wait for all that was left behind."""

_AT_ONCE = 32
"""How many signals of new rows are under way at once: the server answers within milliseconds."""

_AGAIN_AT_ONCE = 16
"""How many signals of rows that were put back are under way at once. They have room of their own:
those that time out must not keep new ones waiting."""

_AGAIN_BATCH = 64
"""How many rows that were put back are claimed at once."""

_PROBES = 4
"""How many rows try whether Temporal is back."""

_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=0.25), timedelta(minutes=2)
"""After the first and after many refusals of one workflow. One that hands over to its next run
refuses for a moment."""

_OUTAGE_PAUSE, _LONGEST_OUTAGE_PAUSE = timedelta(seconds=0.5), timedelta(seconds=2)
"""While Temporal is down: how late its return may be noticed."""

_UP_S = 10.0
"""So long after an answer Temporal counts as up: who gets none then is alone with that."""

_OUTAGE_S, _HURRIED_TRIES = 2.0, 8
"""After an outage of so long what was put back goes at once, unless it was refused so often: then
its workflow is the reason."""

_PARK_AFTER_TRIES, _PARK_AFTER = 50, timedelta(hours=24)
"""A row that was refused so often, for so long, is parked. No guard lasts longer."""

_log = structlog.get_logger(__name__)


class _Bell:
    """Rings when there may be something to deliver: now, or in a while."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    def ring_in(self, wait: float) -> None:
        asyncio.get_running_loop().call_later(wait, self._rung.set)

    async def wait(self, at_most_s: float) -> bool:
        """Returns when it rang; False when it did not ring for so long."""
        try:
            async with asyncio.timeout(at_most_s):
                await self._rung.wait()
        except TimeoutError:
            return False
        self._rung.clear()
        return True


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
        client: TemporalClient,
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
        self._new, self._again = _Bell(), _Bell()
        self._pace = SignalPace()
        self._newest_first = False
        self._unanswered = 0  # signals in a row, of any workflow, that found Temporal down
        self._down_s = 0.0  # since when
        self._is_back = False  # it answered again; what was put back need not wait any longer
        self._answered_s: float | None = None  # when it last said something
        self._measured_s: float | None = None

    def kick(self) -> None:
        """Says that a transaction with wake-ups was committed. Never blocks."""
        self._new.ring()

    async def run(self) -> None:
        """Delivers until cancelled. Database and Temporal may come and go meanwhile."""
        self._pace = SignalPace()
        with self._db.on_outbox(self.kick):
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._watching(self._new, self._deliver_new, tasks, _AT_ONCE))
                tasks.create_task(
                    self._watching(self._again, self._deliver_again, tasks, _AGAIN_AT_ONCE)
                )

    async def _watching(
        self,
        bell: _Bell,
        deliver: Callable[["_Senders", bool], Awaitable[None]],
        tasks: asyncio.TaskGroup,
        at_once: int,
    ) -> None:
        senders = _Senders(tasks, at_once)
        while True:
            rung = await bell.wait(self._sweep_s)
            try:
                await deliver(senders, not rung)
            except DatabaseUnavailable:
                _log.warning("wakeups_wait_for_database")
                await asyncio.sleep(self._sweep_s)

    # --- New rows.

    async def _deliver_new(self, senders: "_Senders", missed: bool) -> None:
        before = self._clock() - self._settle if missed else self._clock()
        newest_first = self._newest_first
        async with self._db.read() as tx:
            due = await wakeups.due(tx, before=before, limit=_BATCH, newest_first=newest_first)
        if missed and due:
            metrics.WAKEUPS_REPEATED.inc(len(due))
        waits, sent = [], 0
        for workflow_id, rows in _by_workflow(due):
            wait_s = self._pace.wait_s(workflow_id, _now_s())
            if wait_s:
                waits.append(wait_s)
            elif wait_s is not None:
                if sent == _SENDS:
                    self._newest_first = not newest_first
                    self._new.ring()
                    return
                sent += 1
                self._pace.begin(workflow_id, _now_s())
                await senders.send(self._send_new, workflow_id, rows)
        if sent and len(due) == _BATCH:
            self._new.ring()  # there may be more
        elif waits:
            self._new.ring_in(min(waits))

    async def _send_new(self, workflow_id: str, rows: list[Wakeup]) -> None:
        try:
            await self._send(workflow_id, rows)
        finally:
            if self._pace.end(workflow_id):
                self._new.ring()

    # --- Rows that were put back.

    async def _deliver_again(self, senders: "_Senders", missed: bool) -> None:
        del missed  # these rows belong to no process
        await self._measure()
        now = self._clock()
        if self._is_back:
            await self._db.batch(lambda tx: wakeups.hurry(tx, now=now, tries_below=_HURRIED_TRIES))
            self._is_back = False
        limit = _PROBES if self._unanswered else _AGAIN_BATCH
        async with self._db.read() as tx:
            ids = await wakeups.due_again(tx, now=now, limit=limit)
        if not ids:
            return
        until = now + 4 * self._signal_timeout  # when they are due again, should this process die
        rows = await self._db.batch(lambda tx: wakeups.claim(tx, ids, now=now, until=until))
        metrics.WAKEUPS_REPEATED.inc(len(rows))
        for workflow_id, group in _by_workflow(rows):
            await senders.send(self._send, workflow_id, group)
        if len(ids) == limit:
            self._again.ring_in(self._outage_pause().total_seconds() if self._unanswered else 0.0)

    async def _measure(self) -> None:
        if self._measured_s is not None and _now_s() - self._measured_s < self._sweep_s / 2:
            return
        self._measured_s = _now_s()
        async with self._db.read() as tx:
            left = await wakeups.backlog(tx)
        age = self._clock() - left.oldest_time if left.oldest_time else timedelta(0)
        metrics.OLDEST_WAKEUP.set(max(age.total_seconds(), 0.0))
        metrics.UNDELIVERED_WAKEUPS.set(left.undelivered)
        metrics.PARKED_WAKEUPS.set(left.parked)

    # --- One signal per workflow, however many rows it has.

    async def _send(self, workflow_id: str, rows: list[Wakeup]) -> None:
        reply = await send_signal(self._client, workflow_id, rows, self._signal_timeout)
        try:
            await self._db.batch(self._settling(workflow_id, rows, self._judged(reply)))
        except DatabaseUnavailable:
            _log.warning("wakeups_wait_for_database")
        except Exception:  # what one row does must not end the delivery of all others
            _log.exception("wakeup_not_settled", workflow=workflow_id)

    def _judged(self, reply: SignalReply) -> SignalReply:
        """The reply, after it was decided whether an unclear one means that Temporal is down."""
        word, now_s = reply.word, _now_s()
        if word is Word.UNCLEAR:
            up = self._answered_s is not None and now_s - self._answered_s < _UP_S
            word = Word.REFUSED if up else Word.DOWN
        elif word is not Word.DOWN:
            self._answered_s = now_s
        if word is Word.DOWN:
            self._down_s = self._down_s if self._unanswered else now_s
            self._unanswered += 1
        elif self._unanswered and reply.word is not Word.UNCLEAR:
            self._unanswered = 0
            self._is_back = self._is_back or now_s - self._down_s > _OUTAGE_S
            self._again.ring()
        return SignalReply(word, reply.why)

    def _settling(
        self, workflow_id: str, rows: list[Wakeup], reply: SignalReply
    ) -> Callable[[Tx], Awaitable[None]]:
        """What is written about these rows after the reply."""
        now, tries = self._clock(), max(row.tries for row in rows)
        match reply.word:
            case Word.TAKEN | Word.NOBODY:
                return lambda tx: wakeups.done(tx, rows)
            case Word.DOWN:
                pause = self._outage_pause()
            case Word.REFUSED if not _hopeless(rows, now - _PARK_AFTER):
                tries += 1
                pause = pause_after(tries, _FIRST_PAUSE, _LONGEST_PAUSE)
            case _:
                metrics.UNUSABLE_WAKEUPS.inc()
                _log.error("wakeup_parked", workflow=workflow_id, why=reply.why, tries=tries)
                return lambda tx: wakeups.park(tx, rows, reason=reply.why, now=now)
        _log.warning("wakeup_not_taken", workflow=workflow_id, why=reply.why, tries=tries)
        self._again.ring_in(pause.total_seconds())
        return lambda tx: wakeups.put_back(tx, rows, tries=tries, next_time=now + pause)

    def _outage_pause(self) -> timedelta:
        return pause_after(self._unanswered, _OUTAGE_PAUSE, _LONGEST_OUTAGE_PAUSE)


class _Senders:
    """The tasks that send, at most so many at once."""

    def __init__(self, tasks: asyncio.TaskGroup, at_once: int) -> None:
        self._tasks = tasks
        self._free = asyncio.Semaphore(at_once)

    async def send(
        self,
        send: Callable[[str, list[Wakeup]], Awaitable[None]],
        workflow_id: str,
        rows: list[Wakeup],
    ) -> None:
        """Returns when one of the tasks has it."""
        await self._free.acquire()

        async def sending() -> None:
            try:
                await send(workflow_id, rows)
            finally:
                self._free.release()

        self._tasks.create_task(sending())


def _hopeless(rows: Sequence[Wakeup], before: datetime) -> bool:
    """Whether these rows were refused often enough, for long enough."""
    return all(row.tries >= _PARK_AFTER_TRIES and row.create_time < before for row in rows)


def _by_workflow(rows: Sequence[Wakeup]) -> list[tuple[str, list[Wakeup]]]:
    """The rows of each workflow, the oldest first."""
    groups: dict[str, list[Wakeup]] = {}
    for row in rows:
        groups.setdefault(row.workflow_id, []).append(row)
    return [(each, sorted(group, key=lambda row: row.id)) for each, group in groups.items()]


def _now_s() -> float:
    return asyncio.get_running_loop().time()
