"""Rows of pools, and of the policies of their bookings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select, text, tuple_
from sqlalchemy import delete as sql_delete
from sqlalchemy import insert as sql_insert
from sqlalchemy import update as sql_update

from fleet.bookings.keys import is_named, key_of
from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, columns_of
from fleet.engine.values import identifier
from fleet.tables import booking_policies, pool_members, pools


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


_POLICY = columns_of(booking_policies, PolicyRow)
_POOL = columns_of(pools, PoolRow)

_NEWEST_POLICY = precompiled(
    select(*_POLICY)
    .where(is_named(booking_policies))
    .order_by(booking_policies.c.revision.desc())
    .limit(1)
)
_POLICY_REVISION = precompiled(
    select(*_POLICY).where(
        is_named(booking_policies), booking_policies.c.revision == bindparam("of_revision")
    )
)
_GET_POOL = precompiled(select(*_POOL).where(is_named(pools)))
# Two brokers at once would both find an EVSE in no pool. SQLite has one writer anyway.
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(1702260588, hashtext(:of_tenant))")
# The lock: an update takes it on both databases.
_LOCK_POOL = precompiled(
    sql_update(pools).where(is_named(pools)).values(version=pools.c.version + 1).returning(*_POOL)
)
_MEMBERS_AT = precompiled(
    select(pool_members.c.evse_id, pool_members.c.pool).where(
        pool_members.c.tenant == bindparam("of_tenant"),
        pool_members.c.station == bindparam("of_station"),
    )
)


# --- policies


async def policy(tx: Tx, tenant: str, name: str, revision: int = 0) -> PolicyRow | None:
    """A policy's revision; 0: the newest. None when there is none."""
    if revision:
        row = await tx.execute(_POLICY_REVISION, key_of(tenant, name) | {"of_revision": revision})
    else:
        row = await tx.execute(_NEWEST_POLICY, key_of(tenant, name))
    found = row.first()
    return None if found is None else PolicyRow(*found)


async def one_at_a_time(tx: Tx, tenant: str) -> None:
    """Pools and policies of a tenant are made and changed one after the other from here on.

    To be taken before the lock of a pool.
    """
    if tx.dialect.name == "postgresql":
        await tx.execute(_ONE_AT_A_TIME, {"of_tenant": tenant})


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
    row = (await tx.execute(_GET_POOL, key_of(tenant, name))).first()
    return None if row is None else PoolRow(*row)


async def lock_pool(tx: Tx, tenant: str, name: str) -> PoolRow | None:
    """The pool, which nobody else changes or plans until the end of the transaction."""
    row = (await tx.execute(_LOCK_POOL, key_of(tenant, name))).first()
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


async def update_pool(tx: Tx, row: PoolRow, members: Sequence[tuple[str, int]]) -> None:
    """Write a locked pool over what was there. members: (station, EVSE), in no other pool."""
    await tx.execute(
        sql_update(pools)
        .where(pools.c.tenant == row.tenant, pools.c.name == row.name)
        .values(content=row.content, revision=row.revision, update_time=row.update_time)
    )
    own = pool_members.c.tenant == row.tenant, pool_members.c.pool == row.name
    await tx.execute(sql_delete(pool_members).where(*own))
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


async def members_at(tx: Tx, tenant: str, station: str) -> dict[int, str]:
    """The pool of each EVSE of the station that has one."""
    found = await tx.execute(_MEMBERS_AT, {"of_tenant": tenant, "of_station": station})
    return {row[0]: row[1] for row in found}


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
