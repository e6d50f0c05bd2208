"""The log of bookings: every change of each, append-only, written with the row of the booking.

A change holds the booking as it was after it. Its time is the database's: the one clock that all
processes follow. Its order and its cursors are those of the other logs (`fleet.log.order`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    bindparam,
    func,
    literal,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite

from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, bound, columns_of
from fleet.log.event_log import LOG_GREW
from fleet.log.order import Cursor, after, head_of, no_earlier_than
from fleet.log.postgres_notification import notify, path
from fleet.tables import booking_changes

BOOKINGS = "bookings"
"""What notifications call the changes of a tenant's bookings, in place of a name."""

_KEYS = ("tenant", "name", "revision")


@dataclass(frozen=True, slots=True)
class BookingChange:
    """A change of a booking. snapshot: the booking after it. revision: 1 for the first one.

    details: what was decided when the booking was taken or changed; None: nothing more.
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
class BookingSelection:
    """Which bookings. An empty `names` filters nothing. pools: None: those of every pool."""

    tenant: str
    names: Sequence[str] = ()
    pools: Sequence[str] | None = None


_CHANGE = columns_of(booking_changes, BookingChange)
_POSITION = (booking_changes.c.tx_id, booking_changes.c.seq)
_GIVEN = bound(booking_changes, "tenant", "name", "pool", "revision", "snapshot", "details")
_earlier = booking_changes.alias("earlier")
_NEWEST_TX = (
    select(func.max(_earlier.c.tx_id))
    .where(_earlier.c.tenant == bindparam("tenant"), _earlier.c.name == bindparam("name"))
    .scalar_subquery()
)


def _now(microseconds: str) -> ColumnElement[Any]:
    return literal_column(f"CAST({microseconds} AS BIGINT)", booking_changes.c.time.type)


_APPEND = {
    "sqlite": precompiled(
        sqlite.insert(booking_changes)
        .values(**_GIVEN, tx_id=0, time=_now("(julianday('now') - 2440587.5) * 86400000000.0"))
        .on_conflict_do_nothing(index_elements=_KEYS)
        .returning(booking_changes.c.tenant)
    ),
    "postgresql": postgresql.insert(booking_changes)
    .values(
        **_GIVEN,
        tx_id=no_earlier_than(func.coalesce(_NEWEST_TX, 0)),
        time=_now("extract(epoch FROM clock_timestamp()) * 1000000"),
    )
    .on_conflict_do_nothing(index_elements=_KEYS)
    .returning(booking_changes.c.tenant, notify(booking_changes.c.tenant, literal(BOOKINGS))),
}
# For many in one go: nothing is told of them, that is left to the last one.
_APPEND_MORE = {
    "sqlite": sqlite.insert(booking_changes)
    .values(**_GIVEN, tx_id=0, time=_now("(julianday('now') - 2440587.5) * 86400000000.0"))
    .on_conflict_do_nothing(index_elements=_KEYS),
    "postgresql": postgresql.insert(booking_changes)
    .values(
        **_GIVEN,
        tx_id=no_earlier_than(func.coalesce(_NEWEST_TX, 0)),
        time=_now("extract(epoch FROM clock_timestamp()) * 1000000"),
    )
    .on_conflict_do_nothing(index_elements=_KEYS),
}
_OF_BOOKING = (
    booking_changes.c.tenant == bindparam("of_tenant"),
    booking_changes.c.name == bindparam("of_name"),
)
_HISTORY = precompiled(select(*_CHANGE).where(*_OF_BOOKING).order_by(booking_changes.c.revision))


async def append(tx: Tx, change: dict[str, Any]) -> None:
    """Write the change of a booking. A revision that is written already stays as it is.

    change: the values of tenant, name, pool, revision, snapshot, details.
    """
    for row in await tx.execute(_APPEND[tx.dialect.name], change):
        LOG_GREW.add(tx, path(row.tenant, BOOKINGS))


async def append_all(tx: Tx, changes: Sequence[dict[str, Any]]) -> None:
    """Write changes of bookings of one tenant, in their order, in one go. See `append`."""
    *more, last = changes
    if more:
        await tx.execute(_APPEND_MORE[tx.dialect.name], more)
    await append(tx, last)


async def head(tx: Tx) -> Cursor:
    """The end of the log as readers see it now."""
    return await head_of(tx, booking_changes)


async def history(tx: Tx, tenant: str, name: str) -> list[BookingChange]:
    """Every change of a booking, the oldest first."""
    rows = await tx.execute(_HISTORY, {"of_tenant": tenant, "of_name": name})
    return [BookingChange(*row) for row in rows]


async def read_after(
    tx: Tx, cursor: Cursor, which: BookingSelection, limit: int
) -> list[BookingChange]:
    """At most `limit` changes after the cursor, in their order."""
    of = booking_changes.c
    stmt = after(tx.dialect.name, booking_changes, cursor, _CHANGE).where(of.tenant == which.tenant)
    if which.names:
        stmt = stmt.where(of.name.in_(list(which.names)))
    if which.pools is not None:
        stmt = stmt.where(of.pool.in_(list(which.pools)))
    return [BookingChange(*row) for row in await tx.execute(stmt.limit(limit))]


async def changed_after(
    tx: Tx, tenant: str, cursor: Cursor, limit: int
) -> list[tuple[Cursor, str]]:
    """Where the bookings of the tenant changed, and which one, in the log's order."""
    columns = (*_POSITION, booking_changes.c.name)
    stmt = after(tx.dialect.name, booking_changes, cursor, columns)
    stmt = stmt.where(booking_changes.c.tenant == tenant).limit(limit)
    return [(Cursor(*row[:2]), row[2]) for row in await tx.execute(stmt)]


async def changed_since(tx: Tx, tenant: str, names: Sequence[str], cursor: Cursor) -> set[str]:
    """Which of these bookings have a change behind the cursor, also one that is not told yet."""
    of = booking_changes.c
    place = tuple_(literal(cursor.tx_id, BigInteger), literal(cursor.seq, BigInteger))
    found = await tx.execute(
        select(of.name)
        .where(of.tenant == tenant, of.name.in_(list(names)), tuple_(*_POSITION) > place)
        .distinct()
    )
    return set(found.scalars())
