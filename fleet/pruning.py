"""Deletes what has been over for long: old rows, in small batches, the oldest first.

A pass walks each tenant's rows by the index that lists them. A row that may not go yet is passed by
and looked at again in the next pass. What goes together is deleted in one transaction: a command
with its changes, notes, labels, frames and callback deliveries. Nothing goes that a decision can
still need: commands and reservations that are not over, frames that are waited for or watched,
sessions that run, bookings that are not over and their changes, who waits.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, func, literal, or_, select, text, tuple_

from fleet import tables
from fleet.bookings import delete_bookings, delete_entries, keep_their_changes
from fleet.engine.statements import Tx
from fleet.log.changes_read import forget_old
from fleet.log.forgotten import Forgetting, ForgottenUpTo, Staying
from fleet.log.forgotten import forget_old as forget_old_of
from fleet.log.order import Cursor
from fleet.log.pool_logs import BOOKING_LOG, WAITLIST_LOG, PoolLog

BATCH = 200
"""How many things one transaction deletes at most."""

_LOCK = 0x65767072756E  # the key of the advisory lock: "evprun" in ASCII


class Prunable(StrEnum):
    """What is pruned."""

    COMMANDS = "commands"
    RESERVATIONS = "reservations"
    SESSIONS = "sessions"
    REPORTS = "reports"
    AUDIT = "audit"
    CHANGES = "changes"
    WAITLIST_CHANGES = "waitlist_changes"
    BOOKING_CHANGES = "booking_changes"
    EVENT_POSTS = "event_posts"
    BOOKINGS = "bookings"
    WAITLIST_ENTRIES = "waitlist_entries"


@dataclass(frozen=True, slots=True)
class Pruned:
    """One batch. deleted: how many things. after: where the next batch begins; None: at the end."""

    deleted: int
    after: tuple[str, ...] | None


async def may_prune(tx: Tx) -> bool:
    """Whether this transaction is the one that prunes now, among all processes.

    On SQLite writers take turns anyway.
    """
    if tx.dialect.name != "postgresql":
        return True
    return bool((await tx.execute(text(f"SELECT pg_try_advisory_xact_lock({_LOCK})"))).scalar())


async def prune(
    tx: Tx, what: Prunable, before: datetime, now: datetime, after: tuple[str, ...] | None = None
) -> Pruned:
    """Delete the next batch of what was over before this time.

    after: of the batch before; None begins a pass. Run it in a write transaction of its own.
    """
    if what is Prunable.CHANGES:
        count, tenant = await forget_old(tx, before, after[0] if after else "")
        return Pruned(count, None if tenant is None else (tenant,))
    if what in _OF_POOLS:
        return await _of_pools(tx, _OF_POOLS[what], before, after)
    owner, place = (after[0], after[1:]) if after else (await _next_owner(tx, what, ""), ())
    while owner:
        rows = await _candidates(tx, what, owner, before, place)
        if rows:
            batch = _Batch(owner, [row.name for row in rows], before, now)
            deleted = await _DELETIONS[what](tx, batch)
            return Pruned(deleted, (owner, rows[-1].time.isoformat(), str(rows[-1].name)))
        owner, place = await _next_owner(tx, what, owner), ()
    return Pruned(0, None)


_Forgets = tuple[PoolLog, Staying | None]
_OF_POOLS: dict[Prunable, _Forgets] = {
    Prunable.WAITLIST_CHANGES: (WAITLIST_LOG, None),
    Prunable.BOOKING_CHANGES: (BOOKING_LOG, keep_their_changes),
}
"""The logs of pools, and what of them stays."""


async def _of_pools(
    tx: Tx, forgets: _Forgets, before: datetime, after: tuple[str, ...] | None
) -> Pruned:
    log, staying = forgets
    at = ForgottenUpTo(after[0], Cursor(int(after[1]), int(after[2]))) if after else ForgottenUpTo()
    count, following = await forget_old_of(tx, Forgetting(log, before, staying), at)
    if following is None:
        return Pruned(count, None)
    place = following.place
    return Pruned(count, (following.tenant, str(place.tx_id), str(place.seq)))


@dataclass(frozen=True)
class _Listing:
    """The index by which the rows are walked: owner, time, name."""

    table: Table
    owner: str
    time: str
    name: str


_LISTINGS = {
    Prunable.COMMANDS: _Listing(tables.commands, "tenant", "create_time", "name"),
    Prunable.RESERVATIONS: _Listing(tables.reservations, "tenant", "create_time", "name"),
    Prunable.SESSIONS: _Listing(tables.transactions, "tenant", "received_time", "name"),
    Prunable.REPORTS: _Listing(tables.untaken_reports, "station", "received_time", "id"),
    Prunable.AUDIT: _Listing(tables.audit_entries, "tenant", "create_time", "id"),
    Prunable.EVENT_POSTS: _Listing(tables.event_deliveries, "tenant", "create_time", "id"),
    Prunable.BOOKINGS: _Listing(tables.bookings, "tenant", "start_time", "name"),
    Prunable.WAITLIST_ENTRIES: _Listing(tables.waitlist_entries, "tenant", "start_time", "name"),
}


async def _next_owner(tx: Tx, what: Prunable, after: str) -> str:
    """The next tenant or station that has rows; "": there is none."""
    listing = _LISTINGS[what]
    owner = listing.table.c[listing.owner]
    return str((await tx.execute(select(func.min(owner)).where(owner > after))).scalar() or "")


async def _candidates(
    tx: Tx, what: Prunable, owner: str, before: datetime, place: tuple[str, ...]
) -> list[Any]:
    listing = _LISTINGS[what]
    columns = listing.table.c
    time, name = columns[listing.time], columns[listing.name]
    found = select(time.label("time"), name.label("name")).where(
        columns[listing.owner] == owner, time < before
    )
    if place:
        value = int(place[1]) if what is Prunable.REPORTS else place[1]
        last = literal(datetime.fromisoformat(place[0]), time.type), literal(value, name.type)
        found = found.where(tuple_(time, name) > tuple_(*last))
    return list(await tx.execute(found.order_by(time, name).limit(BATCH)))


@dataclass(frozen=True)
class _Batch:
    """Rows that are old enough by the index. owner: their tenant or station."""

    owner: str
    names: list[Any]
    before: datetime
    now: datetime


async def _commands(tx: Tx, batch: _Batch) -> int:
    commands = tables.commands
    beside = {tables.command_labels: "name", tables.callback_deliveries: "command"}
    return await _logged(tx, batch, commands, commands.c.state == "DONE", beside)


async def _reservations(tx: Tx, batch: _Batch) -> int:
    reservations = tables.reservations
    is_over = reservations.c.end_time < batch.before
    return await _logged(tx, batch, reservations, is_over, {tables.wire_ids: "reservation"})


async def _logged(
    tx: Tx, batch: _Batch, things: Table, is_over: ColumnElement[bool], beside: dict[Table, str]
) -> int:
    """Delete those that are over, with their changes, notes and frames.

    beside: the further tables with rows of them, and the column that names them there.
    """
    over = select(things.c.name).where(
        things.c.tenant == batch.owner,
        things.c.name.in_(batch.names),
        things.c.time < batch.before,
        is_over,
    )
    names = await _without_open_sends(tx, batch, list((await tx.execute(over)).scalars()))
    if names:
        places = {tables.events: "name", tables.notes: "command", tables.sends: "command"}
        for table, column in {**places, **beside, things: "name"}.items():
            of_these = table.c.tenant == batch.owner, table.c[column].in_(names)
            await tx.execute(delete(table).where(*of_these))
    return len(names)


async def _sessions(tx: Tx, batch: _Batch) -> int:
    sessions = tables.transactions
    over = select(sessions.c.name).where(
        sessions.c.name.in_(batch.names),
        sessions.c.state != "ACTIVE",
        func.coalesce(sessions.c.stop_received_time, sessions.c.received_time) < batch.before,
        or_(sessions.c.alive_time.is_(None), sessions.c.alive_time < batch.before),
    )
    names = list((await tx.execute(over)).scalars())
    if names:
        await tx.execute(delete(tables.claims).where(tables.claims.c.session.in_(names)))
        await tx.execute(delete(sessions).where(sessions.c.name.in_(names)))
    return len(names)


async def _reports(tx: Tx, batch: _Batch) -> int:
    reports = tables.untaken_reports
    await tx.execute(delete(reports).where(reports.c.id.in_(batch.names)))
    return len(batch.names)


async def _audit(tx: Tx, batch: _Batch) -> int:
    entries = tables.audit_entries
    of_these = entries.c.tenant == batch.owner, entries.c.id.in_(batch.names)
    await tx.execute(delete(entries).where(*of_these))
    return len(batch.names)


async def _event_posts(tx: Tx, batch: _Batch) -> int:
    posts = tables.event_deliveries
    settled = delete(posts).where(
        posts.c.tenant == batch.owner,
        posts.c.id.in_(batch.names),
        posts.c.update_time < batch.before,
        posts.c.state.not_in(["PENDING", "RETRYING"]),
    )
    return (await tx.execute(settled)).rowcount


async def _bookings(tx: Tx, batch: _Batch) -> int:
    return await delete_bookings(tx, batch.owner, batch.names, batch.before)


async def _waitlist_entries(tx: Tx, batch: _Batch) -> int:
    return await delete_entries(tx, batch.owner, batch.names, batch.before)


_DELETIONS: dict[Prunable, Callable[[Tx, _Batch], Awaitable[int]]] = {
    Prunable.COMMANDS: _commands,
    Prunable.RESERVATIONS: _reservations,
    Prunable.SESSIONS: _sessions,
    Prunable.REPORTS: _reports,
    Prunable.AUDIT: _audit,
    Prunable.EVENT_POSTS: _event_posts,
    Prunable.BOOKINGS: _bookings,
    Prunable.WAITLIST_ENTRIES: _waitlist_entries,
}


async def _without_open_sends(tx: Tx, batch: _Batch, names: list[str]) -> list[str]:
    """Those of which no frame is waited for or watched."""
    sends = tables.sends
    open_ones = select(sends.c.command).where(
        sends.c.tenant == batch.owner,
        sends.c.command.in_(names),
        sends.c.state != "VOID",
        or_(~sends.c.closed, sends.c.watched_until > batch.now),
    )
    kept = set((await tx.execute(open_ones)).scalars()) if names else set()
    return [name for name in names if name not in kept]
