"""The order in which readers get what many transactions append to a table.

PostgreSQL commits in another order than it numbers rows. A reader that simply asked for "seq > last
seen" would miss a row that was numbered before and committed after the one it saw. So every row
carries the id of its transaction; readers see only rows of transactions older than every one still
running (`pg_snapshot_xmin`); and the cursor is (tx_id, seq). Nothing is missed, nothing comes
twice. SQLite has one writer at a time; there tx_id is 0 and seq is enough.

A transaction that began earlier may write a later row about the same thing. That row gets the tx_id
of the row before it (`no_earlier_than`), so that readers get the rows of one thing in their order.
Readers see neither before both are committed: the older transaction holds `pg_snapshot_xmin` back.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Table,
    Text,
    cast,
    func,
    literal,
    select,
    tuple_,
)

from fleet.engine.statements import Tx

LAST_SEQ = 2**63 - 1
"""Higher than every seq: a cursor with it is at the end of its transaction."""

_CURRENT_TX = cast(cast(func.pg_current_xact_id(), Text), BigInteger)
_XMIN = cast(cast(func.pg_snapshot_xmin(func.pg_current_snapshot()), Text), BigInteger)


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """A position in a log: everything up to it, and the row at it, was read."""

    tx_id: int
    seq: int


def no_earlier_than(previous_tx: ColumnElement[int]) -> ColumnElement[int]:
    """PostgreSQL only: the tx_id of a row that follows one with the other tx_id."""
    return func.greatest(_CURRENT_TX, previous_tx)


async def head_of(tx: Tx, log: Table) -> Cursor:
    """The end of the log as readers see it now: `after` returns only what comes later."""
    if tx.dialect.name == "postgresql":
        return Cursor((await tx.execute(select(_XMIN))).scalar_one() - 1, LAST_SEQ)
    newest = await tx.execute(select(func.coalesce(func.max(log.c.seq), 0)))
    return Cursor(0, newest.scalar_one())


def after(dialect: str, log: Table, cursor: Cursor, columns: Any) -> Select[Any]:
    """Rows after the cursor that no running transaction can still precede, in their order."""
    if dialect == "sqlite":
        return select(*columns).where(log.c.seq > cursor.seq).order_by(log.c.seq)
    position = tuple_(log.c.tx_id, log.c.seq)
    bounds = tuple_(literal(cursor.tx_id, BigInteger), literal(cursor.seq, BigInteger))
    return (
        select(*columns)
        .where(position > bounds, log.c.tx_id < select(_XMIN).scalar_subquery())
        .order_by(log.c.tx_id, log.c.seq)
    )
