"""The outbox of workflow signals, written in the transaction of the fact that caused them.

A row may also say how to start its workflow when none is running. Then the workflow starts if and
only if the fact is committed, whichever process dies in between. A row is deleted after Temporal
took the signal; a row that is left is sent again. Rows of the same workflow are not merged here: a
merge with a row that is just being sent would lose the new one.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert, select

from fleet.engine.commit_marks import CommitMark
from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, bound, columns_of
from fleet.engine.values import cut, identifier
from fleet.tables import wakeups


@dataclass(frozen=True, slots=True)
class Start:
    """How to start a workflow when none with its id is running.

    workflow: its type. queue: its task queue. argument: its one input, as JSON.
    attributes: search attributes, all of them keywords. summary, details: for Temporal's web UI.
    """

    workflow: str
    queue: str
    argument: dict[str, Any]
    attributes: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    details: str = ""


@dataclass(frozen=True, slots=True)
class Wakeup:
    """A signal that Temporal did not take yet. start: a `Start` as JSON; None: only signal."""

    id: int
    workflow_id: str
    reason: str
    start: dict[str, Any] | None = None

    @property
    def starts(self) -> Start | None:
        """How to start the workflow; None: it gets the signal only when it is running.

        A newer version may have written more than this one knows: the rest is left alone.
        """
        if self.start is None:
            return None
        known = {each.name for each in fields(Start)}
        return Start(**{name: value for name, value in self.start.items() if name in known})


OUTBOX_GREW = CommitMark("evcommand_outbox_grew")
"""Marks a transaction with the id of each workflow that it added a wake-up for."""

_WAKEUP = columns_of(wakeups, Wakeup)
_ADD = precompiled(
    insert(wakeups).values(**bound(wakeups, "workflow_id", "reason", "start", "create_time"))
)
_DUE = precompiled(
    select(*_WAKEUP)
    .where(wakeups.c.create_time <= bindparam("before", type_=wakeups.c.create_time.type))
    .order_by(wakeups.c.id)
    .limit(bindparam("most"))
)


async def add(
    tx: Tx, workflow_id: str, reason: str, now: datetime, start: Start | None = None
) -> None:
    """Add a wake-up for this workflow. With `start` the workflow is started when it does not run.

    Raises: InvalidValue for a workflow id that is no identifier.
    """
    row: dict[str, Any] = {
        "workflow_id": identifier(workflow_id, 500),
        "reason": cut(reason),
        "start": None if start is None else asdict(start),
        "create_time": now,
    }
    await tx.execute(_ADD, row)
    OUTBOX_GREW.add(tx, row["workflow_id"])


async def due(tx: Tx, *, before: datetime, limit: int) -> list[Wakeup]:
    """At most `limit` wake-ups that were added at or before this time, the oldest first."""
    return [Wakeup(*row) for row in await tx.execute(_DUE, {"before": before, "most": limit})]


async def done(tx: Tx, ids: Sequence[int]) -> None:
    """Delete these wake-ups: Temporal took their signals."""
    if ids:
        await tx.execute(delete(wakeups).where(wakeups.c.id.in_(sorted(ids))))
