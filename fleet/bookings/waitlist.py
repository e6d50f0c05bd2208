"""Rows of who waits for a place."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, literal, select, tuple_
from sqlalchemy import update as sql_update

from fleet.bookings.keys import is_named, key_of
from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, Upsert, bound, columns_of
from fleet.engine.values import identifier
from fleet.log.pool_logs import WAITLIST_LOG
from fleet.tables import waitlist_entries as entries

STILL_WAITING = ("WAITING", "SNOOZED")
"""The words of entries that may be offered a place."""

PAGE = 500
"""How many entries one statement reads of who waits in a pool."""

WAITING_OR_OFFERED = (*STILL_WAITING, "OFFERED")
"""The words of entries that have not ended."""


@dataclass(frozen=True, slots=True)
class WaitlistRow:
    """Somebody who waits. due_time: when something has to be done about it next; None: never."""

    tenant: str
    name: str
    pool: str
    state: str
    revision: int
    start_time: datetime
    end_time: datetime
    due_time: datetime | None
    snapshot: dict[str, Any]


@dataclass(frozen=True)
class WaitlistFilter:
    """Which entries are listed. Empty: any."""

    tenant: str
    pool: str = ""
    states: tuple[str, ...] = ()


_ENTRY = columns_of(entries, WaitlistRow)

_GET_ENTRY = precompiled(select(*_ENTRY).where(is_named(entries)))
_DUE_OF_POOL = precompiled(
    select(*_ENTRY).where(
        entries.c.tenant == bindparam("of_tenant"),
        entries.c.pool == bindparam("of_pool"),
        entries.c.state.in_(WAITING_OR_OFFERED),
        entries.c.due_time <= bindparam("now", type_=entries.c.due_time.type),
    )
)
_PUT_ENTRY = Upsert(
    lambda insert: (
        stmt := insert(entries).values(
            **bound(entries, "tenant", "name", "pool", "state", "revision"),
            **bound(entries, "start_time", "end_time", "due_time", "snapshot"),
        )
    ).on_conflict_do_update(
        index_elements=["tenant", "name"],
        set_={name: stmt.excluded[name] for name in ("state", "revision", "due_time", "snapshot")},
    )
)

_PUT_DUE_TIME = precompiled(
    sql_update(entries)
    .where(is_named(entries))
    .values(due_time=bindparam("due", type_=entries.c.due_time.type))
)


async def waitlist_entry(tx: Tx, tenant: str, name: str) -> WaitlistRow | None:
    """An entry; None when there is none."""
    row = (await tx.execute(_GET_ENTRY, key_of(tenant, name))).first()
    return None if row is None else WaitlistRow(*row)


async def put_waitlist_entry(tx: Tx, row: WaitlistRow) -> None:
    """Write an entry, anew or over what was there; the log gets its change with the revision."""
    await tx.execute(
        _PUT_ENTRY(tx),
        {
            "tenant": identifier(row.tenant),
            "name": identifier(row.name),
            "pool": row.pool,
            "state": row.state,
            "revision": row.revision,
            "start_time": row.start_time,
            "end_time": row.end_time,
            "due_time": row.due_time,
            "snapshot": row.snapshot,
        },
    )
    await WAITLIST_LOG.append(
        tx,
        {
            "tenant": row.tenant,
            "name": row.name,
            "pool": row.pool,
            "revision": row.revision,
            "snapshot": row.snapshot,
        },
    )


async def put_due_time(tx: Tx, tenant: str, name: str, due: datetime | None) -> None:
    """Write when something has to be done about an entry next. That is no change of it."""
    await tx.execute(_PUT_DUE_TIME, key_of(tenant, name) | {"due": due})


async def waiting_in(tx: Tx, tenant: str, pool: str) -> list[WaitlistRow]:
    """All entries of a pool that have not ended, by name: their order is the domain's business.

    They are read in pages. Who loses a booking waits, too, so that they may be more than may join.
    """
    found: list[WaitlistRow] = []
    while True:
        after = found[-1].name if found else ""
        page = await tx.execute(
            select(*_ENTRY)
            .where(*_not_ended(tenant, pool), entries.c.name > after)
            .order_by(entries.c.name)
            .limit(PAGE)
        )
        rows = [WaitlistRow(*row) for row in page]
        found += rows
        if len(rows) < PAGE:
            return found


async def count_waiting(tx: Tx, tenant: str, pool: str) -> int:
    """How many entries of a pool have not ended."""
    counted = await tx.execute(select(func.count()).where(*_not_ended(tenant, pool)))
    return int(counted.scalar_one())


def _not_ended(tenant: str, pool: str) -> tuple[ColumnElement[bool], ...]:
    return (
        entries.c.tenant == tenant,
        entries.c.pool == pool,
        entries.c.state.in_(WAITING_OR_OFFERED),
    )


async def due_in(tx: Tx, tenant: str, pool: str, now: datetime) -> list[WaitlistRow]:
    """The entries of a pool about which something has to be done by now."""
    found = await tx.execute(_DUE_OF_POOL, {"of_tenant": tenant, "of_pool": pool, "now": now})
    return [WaitlistRow(*row) for row in found]


async def pools_with_due(tx: Tx, now: datetime, limit: int) -> list[tuple[str, str]]:
    """(tenant, pool) of entries about which something has to be done, the longest due first."""
    found = await tx.execute(
        select(entries.c.tenant, entries.c.pool)
        .where(entries.c.due_time <= now)
        .group_by(entries.c.tenant, entries.c.pool)
        .order_by(func.min(entries.c.due_time))
        .limit(limit)
    )
    return [(row[0], row[1]) for row in found]


async def ask_again(
    tx: Tx, tenant: str, pool: str, span: tuple[datetime, datetime], now: datetime
) -> None:
    """Who waits for a part of the span is due now."""
    start, end = span
    await tx.execute(
        sql_update(entries)
        .where(
            entries.c.tenant == tenant,
            entries.c.pool == pool,
            entries.c.state.in_(STILL_WAITING),
            entries.c.start_time < end,
            entries.c.end_time > start,
        )
        .values(due_time=now)
    )


async def waitlist_page(
    tx: Tx, which: WaitlistFilter, after: tuple[datetime, str] | None, limit: int
) -> list[WaitlistRow]:
    """Entries by their start, after the (start, name) `after`."""
    stmt = select(*_ENTRY).where(entries.c.tenant == which.tenant)
    if which.pool:
        stmt = stmt.where(entries.c.pool == which.pool)
    if which.states:
        stmt = stmt.where(entries.c.state.in_(which.states))
    if after is not None:
        place = literal(after[0], entries.c.start_time.type), literal(after[1])
        stmt = stmt.where(tuple_(entries.c.start_time, entries.c.name) > tuple_(*place))
    stmt = stmt.order_by(entries.c.start_time, entries.c.name).limit(limit)
    return [WaitlistRow(*row) for row in await tx.execute(stmt)]
