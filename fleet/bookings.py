"""Rows of pools, of the policies of bookings, and of bookings.

Whoever changes what is promised in a pool locks the pool's row first, and reads the bookings
afterwards: two who want the last place come one after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, func, literal, select, tuple_
from sqlalchemy import delete as sql_delete
from sqlalchemy import insert as sql_insert
from sqlalchemy import update as sql_update

from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, Upsert, bound, columns_of
from fleet.engine.values import identifier
from fleet.tables import booking_policies, bookings, pool_members, pools

LIVE = ("PENDING", "CONFIRMED", "BOUND", "HELD", "IN_USE", "OVERSTAYED")
"""The words of bookings that have a place in the plan."""

MOST_READ = 10_000
"""How many bookings are read at once at most."""


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One revision of a policy."""

    tenant: str
    name: str
    revision: int
    content: dict[str, Any]
    create_time: datetime


@dataclass(frozen=True, slots=True)
class PoolRow:
    """A pool. version: grows with each change of its plan; revision: with each of the pool."""

    tenant: str
    name: str
    content: dict[str, Any]
    version: int
    revision: int
    create_time: datetime
    update_time: datetime


@dataclass(frozen=True, slots=True)
class BookingRow:
    """A booking. due_time: when something has to be done about it next; None: nothing has to be."""

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


_POLICY = columns_of(booking_policies, PolicyRow)
_POOL = columns_of(pools, PoolRow)
_BOOKING = columns_of(bookings, BookingRow)


def _is(table: Any) -> Any:
    return and_(table.c.tenant == bindparam("of_tenant"), table.c.name == bindparam("of_name"))


_NEWEST_POLICY = precompiled(
    select(*_POLICY)
    .where(_is(booking_policies))
    .order_by(booking_policies.c.revision.desc())
    .limit(1)
)
_POLICY_REVISION = precompiled(
    select(*_POLICY).where(
        _is(booking_policies), booking_policies.c.revision == bindparam("of_revision")
    )
)
_GET_POOL = precompiled(select(*_POOL).where(_is(pools)))
# The lock: an update takes it on both databases.
_LOCK_POOL = precompiled(
    sql_update(pools).where(_is(pools)).values(version=pools.c.version + 1).returning(*_POOL)
)
_GET_BOOKING = precompiled(select(*_BOOKING).where(_is(bookings)))
_PLACE_BOOKING = precompiled(
    sql_update(bookings).where(_is(bookings)).values(place=bindparam("at_place"))
)
_PUT_BOOKING = Upsert(
    lambda insert: (
        stmt := insert(bookings).values(
            **bound(bookings, "tenant", "name", "pool", "state", "place", "revision"),
            **bound(bookings, "start_time", "end_time", "due_time", "snapshot"),
        )
    ).on_conflict_do_update(
        index_elements=["tenant", "name"],
        set_={
            name: stmt.excluded[name]
            for name in ("state", "place", "revision", "due_time", "snapshot")
        },
    )
)


def _key(tenant: str, name: str) -> dict[str, str]:
    return {"of_tenant": tenant, "of_name": name}


# --- policies


async def policy(tx: Tx, tenant: str, name: str, revision: int = 0) -> PolicyRow | None:
    """A policy's revision; 0: the newest. None when there is none."""
    if revision:
        row = await tx.execute(_POLICY_REVISION, _key(tenant, name) | {"of_revision": revision})
    else:
        row = await tx.execute(_NEWEST_POLICY, _key(tenant, name))
    found = row.first()
    return None if found is None else PolicyRow(*found)


async def add_policy(tx: Tx, row: PolicyRow) -> None:
    """Write a new revision."""
    await tx.execute(
        sql_insert(booking_policies).values(
            tenant=identifier(row.tenant),
            name=identifier(row.name),
            revision=row.revision,
            content=row.content,
            create_time=row.create_time,
        )
    )


async def policies(tx: Tx, tenant: str, after: str, limit: int) -> list[PolicyRow]:
    """The newest revision of each policy, by name, after the name `after`."""
    newest = (
        select(booking_policies.c.name, func.max(booking_policies.c.revision))
        .where(booking_policies.c.tenant == tenant, booking_policies.c.name > after)
        .group_by(booking_policies.c.name)
        .order_by(booking_policies.c.name)
        .limit(limit)
    )
    found = await tx.execute(
        select(*_POLICY)
        .where(
            booking_policies.c.tenant == tenant,
            tuple_(booking_policies.c.name, booking_policies.c.revision).in_(newest),
        )
        .order_by(booking_policies.c.name)
    )
    return [PolicyRow(*row) for row in found]


# --- pools


async def pool(tx: Tx, tenant: str, name: str) -> PoolRow | None:
    """A pool; None when there is none."""
    row = (await tx.execute(_GET_POOL, _key(tenant, name))).first()
    return None if row is None else PoolRow(*row)


async def lock_pool(tx: Tx, tenant: str, name: str) -> PoolRow | None:
    """The pool, which nobody else changes or plans until the end of the transaction."""
    row = (await tx.execute(_LOCK_POOL, _key(tenant, name))).first()
    return None if row is None else PoolRow(*row)


async def add_pool(tx: Tx, row: PoolRow, members: Sequence[tuple[str, int]]) -> None:
    """Write a new pool. members: (station, EVSE), none of which is in a pool yet."""
    await tx.execute(
        sql_insert(pools).values(
            tenant=identifier(row.tenant),
            name=identifier(row.name),
            content=row.content,
            version=row.version,
            revision=row.revision,
            create_time=row.create_time,
            update_time=row.update_time,
        )
    )
    await tx.execute(
        sql_insert(pool_members),
        [
            {"tenant": row.tenant, "pool": row.name, "station": station, "evse_id": evse_id}
            for station, evse_id in members
        ],
    )


async def in_pools(
    tx: Tx, tenant: str, members: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], str]:
    """The pool of each of these EVSEs that has one."""
    stations = {station for station, _ in members}
    found = await tx.execute(
        select(pool_members.c.station, pool_members.c.evse_id, pool_members.c.pool).where(
            pool_members.c.tenant == tenant, pool_members.c.station.in_(stations)
        )
    )
    wanted = set(members)
    return {(row[0], row[1]): row[2] for row in found if (row[0], row[1]) in wanted}


async def pools_page(tx: Tx, tenant: str, after: str, limit: int) -> list[PoolRow]:
    """Pools by name, after the name `after`."""
    found = await tx.execute(
        select(*_POOL)
        .where(pools.c.tenant == tenant, pools.c.name > after)
        .order_by(pools.c.name)
        .limit(limit)
    )
    return [PoolRow(*row) for row in found]


async def delete_pool(tx: Tx, tenant: str, name: str) -> None:
    """Delete a pool and its members' places in it. Its bookings stay."""
    for table, column in ((pools, pools.c.name), (pool_members, pool_members.c.pool)):
        await tx.execute(sql_delete(table).where(table.c.tenant == tenant, column == name))


# --- bookings


async def booking(tx: Tx, tenant: str, name: str) -> BookingRow | None:
    """A booking; None when there is none."""
    row = (await tx.execute(_GET_BOOKING, _key(tenant, name))).first()
    return None if row is None else BookingRow(*row)


async def put_booking(tx: Tx, row: BookingRow) -> None:
    """Write a booking, anew or over what was there."""
    await tx.execute(
        _PUT_BOOKING(tx),
        {
            "tenant": identifier(row.tenant),
            "name": identifier(row.name),
            "pool": row.pool,
            "state": row.state,
            "place": row.place,
            "revision": row.revision,
            "start_time": row.start_time,
            "end_time": row.end_time,
            "due_time": row.due_time,
            "snapshot": row.snapshot,
        },
    )


async def place_booking(tx: Tx, tenant: str, name: str, place: str) -> None:
    """Write where the plan has a booking now."""
    await tx.execute(_PLACE_BOOKING, _key(tenant, name) | {"at_place": place})


async def in_span(
    tx: Tx, tenant: str, pool: str, span: tuple[datetime, datetime], states: Sequence[str] = LIVE
) -> list[BookingRow]:
    """The bookings of a pool in these states that are in a part of the span, by their start."""
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
        .limit(MOST_READ)
    )
    return [BookingRow(*row) for row in found]


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
    found = await tx.execute(
        select(*_BOOKING)
        .where(bookings.c.due_time <= now)
        .order_by(bookings.c.due_time)
        .limit(limit)
    )
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
