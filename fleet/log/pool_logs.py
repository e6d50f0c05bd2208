"""The logs of what happens in pools: every change of each booking, and of each who waits.

A change is append-only, is written in the transaction that makes it, and holds the thing as it was
after it. Its time is the database's: the one clock that all processes follow. Its order and its
cursors are those of the other logs (`fleet.log.order`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Table,
    bindparam,
    func,
    literal,
    literal_column,
    null,
    select,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite

from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, bound, columns_of
from fleet.log.event_log import LOG_GREW
from fleet.log.order import Cursor, after, head_of, no_earlier_than
from fleet.log.postgres_notification import notify, path
from fleet.tables import booking_changes, waitlist_changes

BOOKINGS, WAITLISTS = "bookings", "waitlists"
"""What notifications call the changes of a tenant's bookings and of who waits, in place of a
name."""

_KEYS = ("tenant", "name", "revision")
_DETAILS = frozenset({"details"})


@dataclass(frozen=True, slots=True)
class PoolChange:
    """A change of a thing of a pool. snapshot: the thing after it. revision: 1 for the first one.

    details: what was decided when a booking was taken or changed; None: nothing more.
    """

    seq: int
    tx_id: int
    tenant: str
    name: str
    pool: str
    revision: int
    time: datetime
    snapshot: dict[str, Any]
    details: dict[str, Any] | None

    @property
    def cursor(self) -> Cursor:
        """Its place in the log."""
        return Cursor(self.tx_id, self.seq)


@dataclass(frozen=True)
class PoolSelection:
    """Which things. An empty `names` filters nothing. pools: None: those of every pool."""

    tenant: str
    names: Sequence[str] = ()
    pools: Sequence[str] | None = None


class PoolLog:
    """One log. word: what notifications call it. Its statements are made once."""

    def __init__(self, table: Table, word: str) -> None:
        self.table = table
        self.word = word
        of, details = table.c, table.c.get("details")
        self._columns = [
            *columns_of(table, PoolChange, besides=_DETAILS),
            null().label("details") if details is None else details,
        ]
        self._position = (of.tx_id, of.seq)
        of_one = of.tenant == bindparam("of_tenant"), of.name == bindparam("of_name")
        self._history = precompiled(select(*self._columns).where(*of_one).order_by(of.revision))
        given = ("tenant", "name", "pool", "revision", "snapshot")
        self._given = given if details is None else (*given, "details")
        # Of many in one go only the last one is told to who waits.
        self._append_more = {"sqlite": self._sqlite_insert(), "postgresql": self._postgres_insert()}
        to_tell = notify(of.tenant, literal(word))
        self._append = {
            "sqlite": precompiled(self._sqlite_insert().returning(of.tenant)),
            "postgresql": self._postgres_insert().returning(of.tenant, to_tell),
        }

    async def append(self, tx: Tx, change: dict[str, Any]) -> None:
        """Write a change. A revision that is written already stays as it is.

        change: the values of tenant, name, pool, revision, snapshot, and details where there are.
        """
        for row in await tx.execute(self._append[tx.dialect.name], change):
            LOG_GREW.add(tx, path(row.tenant, self.word))

    async def append_all(self, tx: Tx, changes: Sequence[dict[str, Any]]) -> None:
        """Write changes of one tenant, in their order, in one go. See `append`."""
        *more, last = changes
        if more:
            await tx.execute(self._append_more[tx.dialect.name], more)
        await self.append(tx, last)

    async def head(self, tx: Tx) -> Cursor:
        """The end of the log as readers see it now."""
        return await head_of(tx, self.table)

    async def history(self, tx: Tx, tenant: str, name: str) -> list[PoolChange]:
        """Every change of one thing, the oldest first."""
        rows = await tx.execute(self._history, {"of_tenant": tenant, "of_name": name})
        return [PoolChange(*row) for row in rows]

    async def read_after(
        self, tx: Tx, cursor: Cursor, which: PoolSelection, limit: int
    ) -> list[PoolChange]:
        """At most `limit` changes after the cursor, in their order."""
        of = self.table.c
        stmt = after(tx.dialect.name, self.table, cursor, self._columns)
        stmt = stmt.where(of.tenant == which.tenant)
        if which.names:
            stmt = stmt.where(of.name.in_(list(which.names)))
        if which.pools is not None:
            stmt = stmt.where(of.pool.in_(list(which.pools)))
        return [PoolChange(*row) for row in await tx.execute(stmt.limit(limit))]

    async def changed_after(
        self, tx: Tx, tenant: str, cursor: Cursor, limit: int
    ) -> list[tuple[Cursor, str]]:
        """Where the tenant's things changed, and which one, in the log's order."""
        columns = (*self._position, self.table.c.name)
        stmt = after(tx.dialect.name, self.table, cursor, columns)
        stmt = stmt.where(self.table.c.tenant == tenant).limit(limit)
        return [(Cursor(*row[:2]), row[2]) for row in await tx.execute(stmt)]

    async def changed_since(
        self, tx: Tx, tenant: str, names: Sequence[str], cursor: Cursor
    ) -> set[str]:
        """Which of these have a change behind the cursor, also one that is not told yet."""
        of = self.table.c
        place = tuple_(literal(cursor.tx_id, BigInteger), literal(cursor.seq, BigInteger))
        behind = tuple_(*self._position) > place
        found = await tx.execute(
            select(of.name).where(of.tenant == tenant, of.name.in_(list(names)), behind).distinct()
        )
        return set(found.scalars())

    def _now(self, microseconds: str) -> ColumnElement[Any]:
        return literal_column(f"CAST({microseconds} AS BIGINT)", self.table.c.time.type)

    def _sqlite_insert(self) -> sqlite.Insert:
        now = self._now("(julianday('now') - 2440587.5) * 86400000000.0")
        values = {**bound(self.table, *self._given), "tx_id": 0, "time": now}
        stmt = sqlite.insert(self.table).values(values)
        return stmt.on_conflict_do_nothing(index_elements=_KEYS)

    def _postgres_insert(self) -> postgresql.Insert:
        earlier = self.table.alias("earlier")
        newest_tx = (
            select(func.max(earlier.c.tx_id))
            .where(earlier.c.tenant == bindparam("tenant"), earlier.c.name == bindparam("name"))
            .scalar_subquery()
        )
        values = {
            **bound(self.table, *self._given),
            "tx_id": no_earlier_than(func.coalesce(newest_tx, 0)),
            "time": self._now("extract(epoch FROM clock_timestamp()) * 1000000"),
        }
        stmt = postgresql.insert(self.table).values(values)
        return stmt.on_conflict_do_nothing(index_elements=_KEYS)


BOOKING_LOG = PoolLog(booking_changes, BOOKINGS)
WAITLIST_LOG = PoolLog(waitlist_changes, WAITLISTS)
