"""Deletes bookings, series and entries of waiting lists that have been over for long.

With them goes what they know of their holders, and every change that told it. Who reads a log on
from before such a change is known to have missed something.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, select

from fleet.bookings.rows import keep_their_changes
from fleet.bookings.waitlist import WAITING_OR_OFFERED
from fleet.engine.statements import Tx
from fleet.log.forgotten import Forgetting, forget_changes
from fleet.log.pool_logs import BOOKING_LOG, WAITLIST_LOG
from fleet.tables import booking_series, bookings, waitlist_changes, waitlist_entries


async def delete_bookings(tx: Tx, tenant: str, names: Collection[str], before: datetime) -> int:
    """Delete those that have ended and have not changed since then; how many. Series with them."""
    of = bookings.c
    later = select(of.name).where(of.tenant == tenant, of.name.in_(names), of.end_time >= before)
    kept = {*(await tx.execute(later)).scalars()}
    gone = set(names) - kept - await keep_their_changes(tx, tenant, names, before)
    if not gone:
        return 0
    those = bookings.c.tenant == tenant, bookings.c.name.in_(gone)
    snapshots = (await tx.execute(select(bookings.c.snapshot).where(*those))).scalars()
    series = {each["series"] for each in snapshots if each.get("series")}
    await forget_changes(tx, Forgetting(BOOKING_LOG, before), tenant, gone)
    await tx.execute(delete(bookings).where(*those))
    for name in sorted(series):
        await _delete_series(tx, tenant, name)
    return len(gone)


async def _delete_series(tx: Tx, tenant: str, name: str) -> None:
    """Delete a series of which no booking is left."""
    this = booking_series.c.tenant == tenant, booking_series.c.name == name
    snapshot = (await tx.execute(select(booking_series.c.snapshot).where(*this))).scalar()
    made = [each["booking"] for each in _results(snapshot) if each.get("booking")]
    left = exists().where(bookings.c.tenant == tenant, bookings.c.name.in_(made))
    if not (await tx.execute(select(left))).scalar():
        await tx.execute(delete(booking_series).where(*this))


def _results(snapshot: dict[str, Any] | None) -> list[dict[str, Any]]:
    return [] if snapshot is None else list(snapshot.get("results", ()))


async def delete_entries(tx: Tx, tenant: str, names: Collection[str], before: datetime) -> int:
    """Delete entries of waiting lists that have ended and have not changed since; how many."""
    of, changes = waitlist_entries.c, waitlist_changes.c
    waiting = select(of.name).where(
        of.tenant == tenant, of.name.in_(names), of.state.in_(WAITING_OR_OFFERED)
    )
    newer = select(changes.name).where(
        changes.tenant == tenant, changes.name.in_(names), changes.time >= before
    )
    kept = {*(await tx.execute(waiting)).scalars(), *(await tx.execute(newer)).scalars()}
    gone = set(names) - kept
    if gone:
        await forget_changes(tx, Forgetting(WAITLIST_LOG, before), tenant, gone)
        await tx.execute(delete(waitlist_entries).where(of.tenant == tenant, of.name.in_(gone)))
    return len(gone)
