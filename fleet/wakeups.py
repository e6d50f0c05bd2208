"""The outbox of workflow signals, written in the transaction of the fact that caused them.

A row is deleted after Temporal took the signal; what is left is sent again. Rows of the same
workflow are not merged here: merging with a row that is just being sent would lose the new one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, select

from fleet.fixed import fixed
from fleet.statements import Tx, bound, columns_of
from fleet.tables import wakeups
from fleet.values import cut, identifier


@dataclass(frozen=True, slots=True)
class Wakeup:
    """A signal that Temporal did not take yet."""

    id: int
    workflow_id: str
    reason: str


_WAKEUP = columns_of(wakeups, Wakeup)
_ADD = fixed(insert(wakeups).values(**bound(wakeups, "workflow_id", "reason", "create_time")))
_DUE = fixed(
    select(*_WAKEUP)
    .where(wakeups.c.create_time <= bindparam("before", type_=wakeups.c.create_time.type))
    .order_by(wakeups.c.id)
    .limit(bindparam("most"))
)


async def add(tx: Tx, workflow_id: str, reason: str, now: datetime) -> None:
    """Note that this workflow must be woken."""
    row = {"workflow_id": identifier(workflow_id, 500), "reason": cut(reason), "create_time": now}
    await tx.execute(_ADD, row)


async def due(tx: Tx, *, before: datetime, limit: int) -> list[Wakeup]:
    """The oldest wake-ups that were noted at or before this time."""
    return [Wakeup(*row) for row in await tx.execute(_DUE, {"before": before, "most": limit})]


async def done(tx: Tx, ids: Sequence[int]) -> None:
    """Temporal took these signals."""
    if ids:
        await tx.execute(delete(wakeups).where(wakeups.c.id.in_(sorted(ids))))
