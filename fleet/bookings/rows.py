"""Rows of bookings."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import bindparam, literal, select, tuple_
from sqlalchemy import update as sql_update

from fleet.bookings.keys import is_named, key_of
from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, Upsert, bound, columns_of
from fleet.engine.values import identifier
from fleet.log.pool_logs import BOOKING_LOG
from fleet.tables import bookings

R = TypeVar("R")

LIVE = ("PENDING", "CONFIRMED", "BOUND", "HELD", "IN_USE", "OVERSTAYED")
"""The words of bookings that have a place in the plan."""

MOST_READ = 50_000
"""How many bookings are read at once at most: 200 EVSEs for a month, five bookings a day each."""


class TooManyBookings(Exception):
    """A span has more bookings than are read. Nobody decides on a part of them."""


@dataclass(frozen=True, slots=True)
class BookingRow:
    """A booking. due_time: when something has to be done about it next; None: nothing has to be.

    until_time and what follows: what others are asked beside (`fleet.bookings.standing`).
    """

    tenant: str
    name: str
    pool: str
    state: str
    place: str
    revision: int
    start_time: datetime
    end_time: datetime
    due_time: datetime | None
    snapshot: dict[str, Any]
    until_time: datetime
    create_time: datetime
    holder_token: str
    holder_account: str
    holder_groups: str
    needs: str
    pause_s: int = 0


_BOOKING = columns_of(bookings, BookingRow)

_GET_BOOKING = precompiled(select(*_BOOKING).where(is_named(bookings)))
# Asked every two seconds by each worker, and nearly always in vain.
_DUE = precompiled(
    select(*_BOOKING)
    .where(bookings.c.due_time <= bindparam("now"))
    .order_by(bookings.c.due_time)
    .limit(bindparam("most"))
)
_PLACE_BOOKING = precompiled(
    sql_update(bookings).where(is_named(bookings)).values(place=bindparam("at_place"))
)
_COLUMNS = tuple(each.name for each in fields(BookingRow))
_PUT_BOOKING = Upsert(
    lambda insert: (
        stmt := insert(bookings).values(**bound(bookings, *_COLUMNS))
    ).on_conflict_do_update(
        index_elements=["tenant", "name"],
        set_={
            name: stmt.excluded[name] for name in _COLUMNS if name not in {"tenant", "name", "pool"}
        },
    )
)


async def booking(tx: Tx, tenant: str, name: str) -> BookingRow | None:
    """A booking; None when there is none."""
    row = (await tx.execute(_GET_BOOKING, key_of(tenant, name))).first()
    return None if row is None else BookingRow(*row)


async def put_booking(tx: Tx, row: BookingRow, details: dict[str, Any] | None = None) -> None:
    """Write a booking, anew or over what was there; the log gets its change with the revision.

    details: what was decided, for who asks how it came to this.
    """
    await tx.execute(_PUT_BOOKING(tx), _values(row))
    await BOOKING_LOG.append(tx, _told(row, details))


async def put_bookings(tx: Tx, rows: Sequence[tuple[BookingRow, dict[str, Any] | None]]) -> None:
    """The same for many bookings of one tenant, in one go: each row with its details."""
    if rows:
        await tx.execute(_PUT_BOOKING(tx), [_values(row) for row, _ in rows])
        await BOOKING_LOG.append_all(tx, [_told(row, details) for row, details in rows])


def _values(row: BookingRow) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in _COLUMNS}
    return values | {"tenant": identifier(row.tenant), "name": identifier(row.name)}


def _told(row: BookingRow, details: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "tenant": row.tenant,
        "name": row.name,
        "pool": row.pool,
        "revision": row.revision,
        "snapshot": row.snapshot,
        "details": details,
    }


async def keep_their_changes(
    tx: Tx, tenant: str, names: Collection[str], before: datetime
) -> set[str]:
    """Which of these bookings are not over, or were not yet at this time.

    Their changes are needed: for their story, and to know a change of their holder's again.
    """
    of, changes = bookings.c, BOOKING_LOG.table.c
    live = select(of.name).where(of.tenant == tenant, of.name.in_(names), of.state.in_(LIVE))
    newer = select(changes.name).where(
        changes.tenant == tenant, changes.name.in_(names), changes.time >= before
    )
    return {*(await tx.execute(live)).scalars(), *(await tx.execute(newer)).scalars()}


async def place_bookings(tx: Tx, tenant: str, places: Mapping[str, str]) -> None:
    """Write where the plan has bookings now, by name, in one go."""
    if places:
        moves = [key_of(tenant, name) | {"at_place": place} for name, place in places.items()]
        await tx.execute(_PLACE_BOOKING, moves)


async def in_span(
    tx: Tx, tenant: str, pool: str, span: tuple[datetime, datetime], states: Sequence[str] = LIVE
) -> list[BookingRow]:
    """The bookings of a pool in these states that are in a part of the span, by their start.

    Raises: TooManyBookings.
    """
    start, end = span
    found = await tx.execute(
        select(*_BOOKING)
        .where(
            bookings.c.tenant == tenant,
            bookings.c.pool == pool,
            bookings.c.start_time < end,
            bookings.c.end_time > start,
            bookings.c.state.in_(states),
        )
        .order_by(bookings.c.start_time, bookings.c.name)
        .limit(MOST_READ + 1)
    )
    return whole([BookingRow(*row) for row in found], pool)


def whole(rows: list[R], pool: str) -> list[R]:
    """The rows of a span, of which one more than `MOST_READ` was asked for.

    Raises: TooManyBookings.
    """
    if len(rows) > MOST_READ:
        raise TooManyBookings(f"pool {pool} has more than {MOST_READ} bookings in this span")
    return rows


@dataclass(frozen=True)
class BookingFilter:
    """Which bookings are listed. None and empty: any."""

    tenant: str
    pool: str = ""
    states: tuple[str, ...] = ()
    ends_after: datetime | None = None
    starts_before: datetime | None = None


async def bookings_page(
    tx: Tx, which: BookingFilter, after: tuple[datetime, str] | None, limit: int
) -> list[BookingRow]:
    """Bookings by their start, after the (start, name) `after`."""
    stmt = select(*_BOOKING).where(bookings.c.tenant == which.tenant)
    if which.pool:
        stmt = stmt.where(bookings.c.pool == which.pool)
    if which.states:
        stmt = stmt.where(bookings.c.state.in_(which.states))
    if which.ends_after is not None:
        stmt = stmt.where(bookings.c.end_time > which.ends_after)
    if which.starts_before is not None:
        stmt = stmt.where(bookings.c.start_time < which.starts_before)
    if after is not None:
        place = literal(after[0], bookings.c.start_time.type), literal(after[1])
        stmt = stmt.where(tuple_(bookings.c.start_time, bookings.c.name) > tuple_(*place))
    stmt = stmt.order_by(bookings.c.start_time, bookings.c.name).limit(limit)
    return [BookingRow(*row) for row in await tx.execute(stmt)]


async def due(tx: Tx, now: datetime, limit: int) -> list[BookingRow]:
    """The bookings about which something has to be done by now, the longest due first."""
    found = await tx.execute(_DUE, {"now": now, "most": limit})
    return [BookingRow(*row) for row in found]


async def take_due(tx: Tx, now: datetime, limit: int) -> list[BookingRow]:
    """The same, and none of them is due any longer. Who takes them at the same time gets others."""
    which = (
        select(bookings.c.tenant, bookings.c.name)
        .where(bookings.c.due_time <= now)
        .order_by(bookings.c.due_time)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = await tx.execute(
        sql_update(bookings)
        .where(tuple_(bookings.c.tenant, bookings.c.name).in_(which))
        .values(due_time=None)
        .returning(*_BOOKING)
    )
    return [BookingRow(*row) for row in taken]
