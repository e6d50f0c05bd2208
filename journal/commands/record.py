"""Records what happened to a command: the only writer of a command's snapshots in the event log.

Gateways and workers call `record` inside the transaction of the fact that they saw. So a fact, and
what it means for the command, become visible together. The same transaction records what the change
means for a reservation, and wakes the workflow that posts it.

`committed` runs such a transaction and counts, after its commit, the commands that ended in it: a
transaction that is rolled back and runs again is counted once.
"""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from contract.renamed import with_present_names
from domain.commands.judging import is_guarded, watch_end
from domain.model.command import Code, Command, State
from fleet import sends
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.log import commands as log
from journal.callback_outbox import wake_if_news
from journal.reservations import record as reservation_recorder
from telemetry import metrics

T = TypeVar("T")

_recorded: ContextVar[list["_RecordedChange"] | None] = ContextVar("recorded", default=None)


def to_snapshot(command: Command) -> dict[str, Any]:
    """The command as the JSON that the log keeps."""
    snapshot: dict[str, Any] = msgspec.to_builtins(command)
    return snapshot


def from_snapshot(snapshot: dict[str, Any]) -> Command:
    """The command that a snapshot of the log describes."""
    return msgspec.convert(with_present_names(Command, snapshot), Command)


async def committed(db: Database, write: Callable[[Tx], Awaitable[T]]) -> T:
    """`db.batch` for a write that may end a command: counts what ended, after the commit.

    Raises:
        DatabaseUnavailable: the database is away. Nothing is counted; the same holds for what
            `write` raises.
    """
    changes: list[_RecordedChange] = []

    async def watched(tx: Tx) -> T:
        changes.clear()  # a write may run twice; its first run was rolled back
        token = _recorded.set(changes)
        try:
            return await write(tx)
        finally:
            _recorded.reset(token)

    result = await db.batch(watched)
    for change in changes:
        change.count()
    return result


async def record(
    tx: Tx,
    *,
    tenant: str,
    name: str,
    key: str,
    change: Callable[[Command], Command],
    now: datetime,
    initial: Command | None = None,
    is_new: bool = False,
) -> Command:
    """Applies `change` to the newest snapshot of a command, and writes the result if it differs.

    key: the same key of the same command is written once ("queued", "sent:1", "answered:1").
    initial: the command to begin with when the log does not have it yet; it is written then, even
        if `change` alters nothing.
    is_new: the log hardly has it yet (`ResourceLog.append`).

    Returns the command as the log has it now. When it is DONE and no late evidence can matter, its
    sends are closed in the same transaction. Run a change that may end the command in `committed`.

    Raises:
        LookupError: the log does not have the command, and there is no `initial`.
    """
    step = _RecordedChange(change, initial)
    entry = await log.append(
        tx,
        tenant=tenant,
        name=name,
        key=key,
        change=step,
        columns=_columns,
        now=now,
        is_new=is_new,
    )
    if entry is None:
        raise LookupError(f"command {name} of tenant {tenant!r} is not in this database")
    command = from_snapshot(entry.snapshot)
    if step.ended and not is_guarded(command):
        await sends.close(tx, tenant, name, watched_until=watch_end(command))
    if step.written:
        await reservation_recorder.follow(tx, command, now)
        await wake_if_news(tx, step.known, command, now)
    if (changes := _recorded.get()) is not None:
        changes.append(step)
    return command


async def record_of(
    tx: Tx, command: Command, key: str, change: Callable[[Command], Command], now: datetime
) -> Command:
    """`record` for a command that the log has."""
    return await record(
        tx, tenant=command.tenant, name=command.name, key=key, change=change, now=now
    )


async def latest(tx: Tx, tenant: str, name: str) -> Command:
    """The command as the log has it now.

    Raises:
        LookupError: the log does not have the command.
    """
    entry = await log.latest(tx, tenant=tenant, name=name)
    if entry is None:
        raise LookupError(f"command {name} of tenant {tenant!r} is not in this database")
    return from_snapshot(entry.snapshot)


class _RecordedChange:
    """Applies a change from snapshot to snapshot, and remembers what it did."""

    def __init__(self, change: Callable[[Command], Command], initial: Command | None) -> None:
        self._change = change
        self._initial = initial
        self._before: Command | None = None
        self._after: Command | None = None
        self.known: Command | None = None  # as the log had it before

    def __call__(self, snapshot: dict[str, Any] | None) -> dict[str, Any] | None:
        before = self._initial if snapshot is None else from_snapshot(snapshot)
        if before is None:
            return None
        after = self._change(before)
        if snapshot is not None and after is before:
            return None
        self._before, self._after = before, after
        self.known = None if snapshot is None else before
        return to_snapshot(after)

    @property
    def written(self) -> bool:
        """Whether there was anything to write."""
        return self._after is not None

    @property
    def ended(self) -> bool:
        """Whether this change, and no earlier one, made the command DONE."""
        return _is_done(self._after) and not _is_done(self._before)

    def count(self) -> None:
        """Counts what this change meant. Call it after the commit."""
        if self._after is None or self._before is None:
            return
        if self.ended:
            _count_ended(self._after)
        elif is_unknown(self._before) and not is_unknown(self._after):
            _count_raised(self._after)


def _is_done(command: Command | None) -> bool:
    return command is not None and command.state is State.DONE


def is_unknown(command: Command) -> bool:
    """Whether the command ended as UNKNOWN. A provisional UNKNOWN was never reported."""
    outcome = command.outcome
    return _is_done(command) and outcome is not None and outcome.code is Code.UNKNOWN


def _columns(snapshot: dict[str, Any]) -> log.Columns:
    command = from_snapshot(snapshot)
    return log.Columns(
        station=command.station,
        kind=command.kind.value,
        state=command.state.value,
        outcome_code=command.outcome.code.value if command.outcome else "",
        create_time=command.create_time,
        labels=command.labels,
        workflow_id=command.workflow_id,
        more={
            "outcome_cause": command.outcome.cause if command.outcome else None,
            "outcome_time": command.outcome_time,
        },
    )


def _count_ended(command: Command) -> None:
    if command.outcome is None:
        return
    kind = command.kind.value
    metrics.COMMANDS.labels(kind, command.outcome.code.value, command.outcome.cause).inc()
    if command.send_time and command.outcome_time:
        took = command.outcome_time - command.send_time
        outcome = command.outcome.code.value
        metrics.EFFECT_LATENCY.labels(kind, outcome).observe(max(took.total_seconds(), 0.0))


def _count_raised(command: Command) -> None:
    if command.outcome is not None:
        metrics.OUTCOMES_RAISED.labels(command.kind.value, command.outcome.code.value).inc()
