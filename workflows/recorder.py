"""Writes what happened to a command into the event log: the one door from `Command` to the log.

Gateways, workers and brokers call `record` inside the transaction of the fact they saw, so that a
fact and what it means for the command become visible together.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from fleet import log, sends
from fleet.database import Tx
from telemetry import metrics
from workflows.domain.guarding import is_guarded
from workflows.domain.model import Command, State


def to_snapshot(command: Command) -> dict[str, Any]:
    """The command as the JSON that the log keeps."""
    snapshot: dict[str, Any] = msgspec.to_builtins(command)
    return snapshot


def from_snapshot(snapshot: dict[str, Any]) -> Command:
    """The command that a snapshot of the log describes."""
    return msgspec.convert(snapshot, Command)


async def record(
    tx: Tx,
    *,
    tenant: str,
    name: str,
    key: str,
    change: Callable[[Command], Command],
    now: datetime,
    initial: Command | None = None,
) -> Command:
    """Applies `change` to the newest snapshot of a command, and writes the result if it differs.

    key: makes the record idempotent: the same key of the same command is written once ("queued",
        "sent:1", "answered:1").
    initial: what to start from when the log does not know the command yet; then the first record
        is written even if `change` alters nothing.

    Returns the command as it now stands in the log. Once it is DONE and no late evidence can
    matter, its sends are closed in the same transaction.

    Raises:
        LookupError: the log does not know the command and there is no `initial`.
    """
    step = _Step(change, initial)
    entry = await log.append(
        tx, tenant=tenant, name=name, key=key, change=step, columns=_columns, now=now
    )
    if entry is None:
        raise LookupError(f"command {name} of tenant {tenant!r} is not in the log")
    command = from_snapshot(entry.snapshot)
    if step.finished(command):
        _count(command)
        if not is_guarded(command):
            await sends.close(tx, tenant, name)
    return command


class _Step:
    """`change`, from snapshot to snapshot, remembering what it did."""

    def __init__(self, change: Callable[[Command], Command], initial: Command | None) -> None:
        self._change = change
        self._initial = initial
        self._before: State | None = None
        self._wrote = False

    def __call__(self, snapshot: dict[str, Any] | None) -> dict[str, Any] | None:
        before = self._initial if snapshot is None else from_snapshot(snapshot)
        if before is None:
            return None
        after = self._change(before)
        if snapshot is not None and after is before:
            return None
        self._before, self._wrote = before.state, True
        return to_snapshot(after)

    def finished(self, now: Command) -> bool:
        return self._wrote and now.state is State.DONE and self._before is not State.DONE


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
    )


def _count(command: Command) -> None:
    if command.outcome is None:
        return
    kind = command.kind.value
    metrics.COMMANDS.labels(kind, command.outcome.code.value, command.outcome.cause).inc()
    if command.send_time and command.outcome_time:
        took = command.outcome_time - command.send_time
        metrics.EFFECT_LATENCY.labels(kind).observe(max(took.total_seconds(), 0.0))
