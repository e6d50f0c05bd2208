"""The outbox of workflow signals, written in the transaction of the fact that caused them.

A row may also say how to start its workflow where none is running: what a fact begins is then
begun exactly when the fact is committed, and whatever dies in between. A row is deleted after
Temporal took the signal; what is left is sent again. Rows of the same workflow are not merged here:
merging with a row that is just being sent would lose the new one.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert, select

from fleet.engine.fixed import fixed
from fleet.engine.statements import Tx, bound, columns_of
from fleet.engine.values import cut, identifier
from fleet.tables import wakeups


@dataclass(frozen=True, slots=True)
class Start:
    """How a workflow is started where none of its id is running.

    argument: its one input, as JSON. attributes: search attributes, all of them keywords.
    """

    workflow: str
    queue: str
    argument: dict[str, Any]
    attributes: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    details: str = ""


@dataclass(frozen=True, slots=True)
class Wakeup:
    """A signal that Temporal did not take yet. start: None for a workflow that only may run."""

    id: int
    workflow_id: str
    reason: str
    start: dict[str, Any] | None = None

    @property
    def starts(self) -> Start | None:
        """How to start the workflow; None: it is only signalled when it runs."""
        return None if self.start is None else Start(**self.start)


OUTBOX_GREW = "evcommand_outbox_grew"
"""In the `info` of a connection: its transaction added a wake-up."""

_WAKEUP = columns_of(wakeups, Wakeup)
_ADD = fixed(
    insert(wakeups).values(**bound(wakeups, "workflow_id", "reason", "start", "create_time"))
)
_DUE = fixed(
    select(*_WAKEUP)
    .where(wakeups.c.create_time <= bindparam("before", type_=wakeups.c.create_time.type))
    .order_by(wakeups.c.id)
    .limit(bindparam("most"))
)


async def add(
    tx: Tx, workflow_id: str, reason: str, now: datetime, start: Start | None = None
) -> None:
    """Note that this workflow must be woken; with `start`, that it must run."""
    row = {
        "workflow_id": identifier(workflow_id, 500),
        "reason": cut(reason),
        "start": None if start is None else asdict(start),
        "create_time": now,
    }
    await tx.execute(_ADD, row)
    tx.info[OUTBOX_GREW] = True


async def due(tx: Tx, *, before: datetime, limit: int) -> list[Wakeup]:
    """The oldest wake-ups that were noted at or before this time."""
    return [Wakeup(*row) for row in await tx.execute(_DUE, {"before": before, "most": limit})]


async def done(tx: Tx, ids: Sequence[int]) -> None:
    """Temporal took these signals."""
    if ids:
        await tx.execute(delete(wakeups).where(wakeups.c.id.in_(sorted(ids))))
