"""How far the log may be read: up to its horizon, which only writers of the log hold up.

Every event carries a position (`events.tx_id`) that is at least the id of its transaction and, on
PostgreSQL, at least the end of the snapshot in which it was written. Readers read the events before
a horizon H. It must hold: an event that a reader does not see yet lies at H or behind it.

H could be the oldest transaction that runs anywhere on the server (`pg_snapshot_xmin`). Then a
forgotten session of another database would hold up every watch. So when changes lie behind that,
H is the oldest running transaction that may have written to the log: one that has locked a table of
ours to write to it. It is found in `pg_locks`. The others are skipped, for two reasons:

- A transaction that has no such lock writes its first event later, in a snapshot that ends behind
  ours. So the event's position is behind H.
- A transaction that has given its locks back has ended. Its events are seen by whoever reads
  afterwards. So H is read first, and the events by a later statement, which has a snapshot of its
  own: a connection that reads (`Database.read`) commits each statement on PostgreSQL.

Writers of an older version give their events only the id of their transaction. It is assigned when
they first write to a table of ours, which they have locked by then.

SQLite has one writer at a time: what is seen is all there is.
"""

from dataclasses import dataclass

from sqlalchemy import BigInteger, Text, bindparam, cast, exists, func, select, text

from fleet.engine.columns import metadata
from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx
from fleet.tables import events

LAST_SEQ = 2**63 - 1
"""Higher than every seq: a cursor with it is at the end of its transaction."""


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """A position in the log: everything up to it, and the event at it, was read."""

    tx_id: int
    seq: int


WRITE_POSITION = func.greatest(
    cast(cast(func.pg_current_xact_id(), Text), BigInteger),
    cast(cast(func.pg_snapshot_xmax(func.pg_current_snapshot()), Text), BigInteger),
    # A transaction that began earlier may write a later change of a resource. That change gets at
    # least the position of the change before it, so that readers get both in their order.
    bindparam("previous_tx", type_=BigInteger),
)
"""The position of an event that is being written to PostgreSQL."""

_TABLES = ", ".join(f"to_regclass('{name}')" for name in metadata.tables)
# The scalar subqueries run only where CASE needs them: while nothing lies behind the oldest
# transaction of the server, the lock table is not read.
_HORIZON = text(
    f"""
    WITH now AS MATERIALIZED (SELECT pg_current_snapshot() AS shot),
    of_server AS MATERIALIZED (SELECT pg_snapshot_xmin(shot)::text::bigint AS oldest FROM now)
    SELECT CASE
        WHEN NOT EXISTS (SELECT FROM events WHERE tx_id >= (SELECT oldest FROM of_server))
        THEN (SELECT oldest FROM of_server)
        ELSE (
            WITH locks AS MATERIALIZED (SELECT * FROM pg_locks WHERE granted)
            SELECT coalesce(min(running::text::bigint),
                            (SELECT pg_snapshot_xmax(shot)::text::bigint FROM now))
            FROM now, pg_snapshot_xip(shot) AS running
            JOIN locks AS own
                ON own.locktype = 'transactionid' AND own.transactionid = running::xid
            WHERE own.virtualtransaction IN (
                SELECT virtualtransaction FROM locks
                WHERE locktype = 'relation' AND mode IN ('RowShareLock', 'RowExclusiveLock')
                    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                    AND relation IN ({_TABLES})
            )
        )
    END
    """  # noqa: S608  the names are those of our tables
)
_HIDING = precompiled(
    select(exists().where(events.c.tx_id > bindparam("of_tx_id", type_=BigInteger)))
)
_NEWEST = select(func.coalesce(func.max(events.c.seq), 0))


async def head(tx: Tx) -> Cursor:
    """The end of the log as it may be read now: what comes later lies behind it.

    On PostgreSQL read the events by a later statement, outside of a transaction.
    """
    if tx.dialect.name == "postgresql":
        return Cursor((await tx.execute(_HORIZON)).scalar_one() - 1, LAST_SEQ)
    return Cursor(0, (await tx.execute(_NEWEST)).scalar_one())


async def is_hiding(tx: Tx, end: Cursor) -> bool:
    """Whether changes are committed behind this head of the log. Never on SQLite."""
    return bool((await tx.execute(_HIDING, {"of_tx_id": end.tx_id})).scalar_one())
