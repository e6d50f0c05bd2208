"""The outbox of workflow signals, written in the transaction of the fact that caused them.

A row may also say how to start its workflow when none is running. Then the workflow starts if and
only if the fact is committed, whichever process dies in between.

A row is new, put back, or parked.

    new       nobody has refused it: it is due at once.
    put back  Temporal did not take it: it is due again at `next_time`.
    parked    it can never be taken. An operator may put it back; `PARKED_LIMIT` bounds them.

A workflow has one row, however many facts wait for it: a further fact only counts `told` up. The
signal carries nothing, so it answers all of them. A row that is just being sent must not lose the
fact that comes meanwhile: so a row is deleted with the count that was read, and stays when the
count has grown. Two transactions at the same time may add two rows; both are answered by one
signal. For neither of them waits for the other's lock (SKIP LOCKED; SQLite has one writer anyway):
a fact is written while a row of its workflow is deleted elsewhere, and no two can block each other.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Delete,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from fleet.engine.commit_marks import CommitMark
from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, bound, columns_of
from fleet.engine.values import cut, identifier
from fleet.tables import wakeups

PARKED_LIMIT = 1_000
"""How many parked rows are kept: enough to see what is wrong. The oldest are deleted."""

PARKED_FOR = timedelta(days=30)
"""How long a parked row is kept: no workflow waits longer for one."""


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
    """A signal that Temporal did not take yet.

    start: a `Start` as JSON; None: only signal. create_time: of the oldest fact that waits for it.
    told: how many facts wait for it. tries: how often Temporal refused it.
    """

    id: int
    workflow_id: str
    reason: str
    start: dict[str, Any] | None
    create_time: datetime
    told: int
    tries: int

    @property
    def starts(self) -> Start | None:
        """How to start the workflow; None: it gets the signal only when it is running.

        A newer version may have written more than this one knows: the rest is left alone.

        Raises: AttributeError, TypeError when no start can be read from the row.
        """
        if self.start is None:
            return None
        known = {each.name for each in fields(Start)}
        return Start(**{name: value for name, value in self.start.items() if name in known})


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is left in the outbox. oldest_time: of the oldest row that is not parked."""

    undelivered: int
    parked: int
    oldest_time: datetime | None


OUTBOX_GREW = CommitMark("evcommand_outbox_grew")
"""Marks a transaction with the id of each workflow that it added a wake-up for."""

_WAKEUP = columns_of(wakeups, Wakeup)
_WAITING = (
    select(wakeups.c.id)
    .where(wakeups.c.workflow_id == bindparam("of_workflow"), wakeups.c.parked_time.is_(None))
    .limit(1)
    .with_for_update(skip_locked=True)
)
_TOLD_AGAIN = precompiled(
    update(wakeups)
    .where(wakeups.c.id == _WAITING.scalar_subquery())
    .values(
        told=wakeups.c.told + 1,
        reason=bindparam("because", type_=wakeups.c.reason.type),
        start=func.coalesce(bindparam("starting", type_=wakeups.c.start.type), wakeups.c.start),
    )
)
_ADD = precompiled(
    insert(wakeups).values(**bound(wakeups, "workflow_id", "reason", "start", "create_time"))
)
# Each workflow's newest row first, then each one's second: rows of one workflow, which an older
# version did not merge, cannot fill a batch.
_PLACE = func.row_number().over(partition_by=wakeups.c.workflow_id, order_by=wakeups.c.id.desc())
_NEW = select(*_WAKEUP).where(
    wakeups.c.next_time.is_(None),
    wakeups.c.parked_time.is_(None),
    wakeups.c.create_time <= bindparam("before", type_=wakeups.c.create_time.type),
)
_OLDEST = precompiled(_NEW.order_by(_PLACE, wakeups.c.id).limit(bindparam("most")))
_NEWEST = precompiled(_NEW.order_by(_PLACE, wakeups.c.id.desc()).limit(bindparam("most")))
_DUE_AGAIN = precompiled(
    select(wakeups.c.id)
    .where(
        wakeups.c.next_time <= bindparam("now", type_=wakeups.c.next_time.type),
        wakeups.c.parked_time.is_(None),
    )
    .order_by(wakeups.c.next_time, wakeups.c.id)
    .limit(bindparam("most"))
)
_BACKLOG = precompiled(
    select(
        func.count().filter(wakeups.c.parked_time.is_(None)).label("undelivered"),
        func.count().filter(wakeups.c.parked_time.is_not(None)).label("parked"),
        func.min(wakeups.c.create_time).filter(wakeups.c.parked_time.is_(None)).label("oldest"),
    )
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
    again = {"of_workflow": workflow_id, "because": row["reason"], "starting": row["start"]}
    if not (await tx.execute(_TOLD_AGAIN, again)).rowcount:
        await tx.execute(_ADD, row)
    OUTBOX_GREW.add(tx, row["workflow_id"])


async def due(tx: Tx, *, before: datetime, limit: int, newest_first: bool = False) -> list[Wakeup]:
    """At most `limit` new wake-ups that were added at or before this time, the oldest first.

    No workflow gets a second row in before every workflow has its first.
    """
    statement = _NEWEST if newest_first else _OLDEST
    return [Wakeup(*row) for row in await tx.execute(statement, {"before": before, "most": limit})]


async def due_again(tx: Tx, *, now: datetime, limit: int) -> list[int]:
    """The ids of at most `limit` wake-ups that were put back and whose time has come."""
    return [row.id for row in await tx.execute(_DUE_AGAIN, {"now": now, "most": limit})]


async def claim(tx: Tx, ids: Sequence[int], *, now: datetime, until: datetime) -> list[Wakeup]:
    """Take these wake-ups, which were put back, for one try; no other process gets them.

    Returns those that nobody took before. `until`: when they are due again if the taker dies.
    """
    if not ids:
        return []
    taken = await tx.execute(
        update(wakeups)
        .where(wakeups.c.id.in_(sorted(ids)))
        .where(wakeups.c.next_time <= now, wakeups.c.parked_time.is_(None))
        .values(next_time=until)
        .returning(*_WAKEUP)
    )
    return [Wakeup(*row) for row in taken]


async def done(tx: Tx, rows: Sequence[Wakeup]) -> None:
    """Delete these wake-ups: Temporal took their signals. One with a newer fact stays."""
    if len(rows) == 1:
        await tx.execute(_DONE, {"of_id": rows[0].id, "as_told": rows[0].told})
    elif rows:
        await tx.execute(_delete_where(_as_read(rows)))


async def put_back(tx: Tx, rows: Sequence[Wakeup], *, tries: int, next_time: datetime) -> None:
    """Try again at `next_time`. rows: of one workflow; they are merged into one of them."""
    kept = next((row for row in reversed(rows) if row.start is not None), rows[-1])
    await done(tx, [row for row in rows if row is not kept])
    await tx.execute(
        update(wakeups)
        .where(wakeups.c.id == kept.id, wakeups.c.parked_time.is_(None))
        .values(tries=tries, next_time=next_time)
    )


async def hurry(tx: Tx, *, now: datetime, tries_below: int) -> None:
    """Make what was put back due now, where it was refused fewer times than that."""
    waiting = (wakeups.c.next_time > now) & wakeups.c.parked_time.is_(None)
    few = wakeups.c.tries < tries_below
    await tx.execute(update(wakeups).where(waiting, few).values(next_time=now))


async def park(tx: Tx, rows: Sequence[Wakeup], *, reason: str, now: datetime) -> None:
    """Keep these wake-ups for an operator, and try them no more. One with a newer fact stays.

    Deletes the parked rows that are too old or too many.
    """
    parking = update(wakeups).where(_as_read(rows))
    await tx.execute(parking.values(parked_time=now, parked_reason=cut(reason)))
    parked = select(wakeups.c.id).where(wakeups.c.parked_time.is_not(None))
    newest = parked.order_by(wakeups.c.parked_time.desc(), wakeups.c.id.desc()).limit(PARKED_LIMIT)
    await tx.execute(
        delete(wakeups).where(
            wakeups.c.parked_time.is_not(None),
            or_(wakeups.c.parked_time < now - PARKED_FOR, wakeups.c.id.not_in(newest)),
        )
    )


async def backlog(tx: Tx) -> Backlog:
    """How many wake-ups are left, and since when the oldest one waits."""
    row = (await tx.execute(_BACKLOG)).one()
    return Backlog(row.undelivered, row.parked, row.oldest)


def _delete_where(condition: ColumnElement[bool]) -> Delete:
    """Delete rows, but those that another process has locked."""
    free = select(wakeups.c.id).where(condition).with_for_update(skip_locked=True)
    return delete(wakeups).where(wakeups.c.id.in_(free))


_DONE = precompiled(
    _delete_where(and_(wakeups.c.id == bindparam("of_id"), wakeups.c.told == bindparam("as_told")))
)
"""The usual case: one fact, one wake-up."""


def _as_read(rows: Sequence[Wakeup]) -> ColumnElement[bool]:
    return tuple_(wakeups.c.id, wakeups.c.told).in_(sorted((row.id, row.told) for row in rows))
