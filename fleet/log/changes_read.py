"""Reads the changes of stations and of their sessions, in their order; forgets old ones.

What the forgotten changes of a tenant leave is one row (`FORGOTTEN`), at the place of the newest of
them. So a reader whose cursor is before that place is known to have missed something.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, delete, func, literal, select, true, tuple_, update

from fleet.engine.statements import Tx, begins_with, columns_of
from fleet.log.order import Cursor, after, head_of
from fleet.tables import station_changes

FORGOTTEN = "FORGOTTEN"
BATCH = 200
"""How many changes one transaction forgets at most."""


@dataclass(frozen=True, slots=True)
class ChangeEntry:
    """A change of a station, or of one of its sessions (`session`: our id; None: of the station).

    what: a word of `StationChanged` or `SessionChanged`. facts: what more is known of it.
    """

    seq: int
    tx_id: int
    station: str
    session: str | None
    what: str
    facts: dict[str, str] | None
    time: datetime

    @property
    def cursor(self) -> Cursor:
        """Its place in the log."""
        return Cursor(self.tx_id, self.seq)


@dataclass(frozen=True)
class ChangeFilter:
    """Which changes. An empty sequence filters nothing.

    sessions: those of sessions, or else those of stations; None: of both. groups: the identity of
    the station begins with one of them.
    """

    tenant: str
    sessions: bool | None
    stations: Sequence[str] = ()
    names: Sequence[str] = ()
    groups: Sequence[str] = ()


_ENTRY = columns_of(station_changes, ChangeEntry)
_OF = {
    True: station_changes.c.session.is_not(None),
    False: station_changes.c.session.is_(None),
    None: true(),
}
_POSITION = (station_changes.c.tx_id, station_changes.c.seq)


async def head(tx: Tx) -> Cursor:
    """The end of the changes as readers see it now."""
    return await head_of(tx, station_changes)


async def read_after(tx: Tx, cursor: Cursor, which: ChangeFilter, limit: int) -> list[ChangeEntry]:
    """At most `limit` changes after the cursor, in their order."""
    of = station_changes.c
    stmt = after(tx.dialect.name, station_changes, cursor, _ENTRY).where(
        of.tenant == which.tenant,
        of.what != FORGOTTEN,
        _OF[which.sessions],
        begins_with(of.station, which.groups),
    )
    for column, values in ((of.station, which.stations), (of.session, which.names)):
        if values:
            stmt = stmt.where(column.in_(list(values)))
    return [ChangeEntry(*row) for row in await tx.execute(stmt.limit(limit))]


async def changed_after(
    tx: Tx, tenant: str, cursor: Cursor, limit: int
) -> list[tuple[Cursor, str]]:
    """Where the changes of the tenant grew, and of which station."""
    of = station_changes.c
    columns = (*_POSITION, of.station)
    stmt = after(tx.dialect.name, station_changes, cursor, columns).where(of.tenant == tenant)
    return [(Cursor(*row[:2]), row[2]) for row in await tx.execute(stmt.limit(limit))]


async def has_forgotten(tx: Tx, tenant: str, cursor: Cursor) -> bool:
    """Whether changes after this cursor are forgotten."""
    of = station_changes.c
    oldest = select(*_POSITION, of.what).where(of.tenant == tenant).order_by(*_POSITION).limit(1)
    row = (await tx.execute(oldest)).first()
    return row is not None and row.what == FORGOTTEN and Cursor(*row[:2]) > cursor


async def forget_old(tx: Tx, before: datetime, tenant: str) -> tuple[int, str | None]:
    """Forget the next changes that are older than `before`, of this tenant or of the next one.

    tenant: "" begins a pass. Returns how many were forgotten, and the tenant to go on with; None
    when the pass is at its end.
    """
    of = station_changes.c
    while True:
        oldest = select(*_POSITION, of.time, of.what).where(of.tenant == tenant)
        rows = (await tx.execute(oldest.order_by(*_POSITION).limit(BATCH))).all()
        old: list[Any] = []
        for row in rows:
            if row.time >= before:
                break
            old.append(row)
        if old and (len(old) > 1 or old[0].what != FORGOTTEN):
            await _forget(tx, tenant, Cursor(*old[-1][:2]))
            return sum(row.what != FORGOTTEN for row in old), tenant
        following = select(func.min(of.tenant)).where(of.tenant > tenant)
        tenant = (await tx.execute(following)).scalar() or ""
        if not tenant:
            return 0, None


async def _forget(tx: Tx, tenant: str, last: Cursor) -> None:
    of = station_changes.c
    place = tuple_(literal(last.tx_id, BigInteger), literal(last.seq, BigInteger))
    await tx.execute(delete(station_changes).where(of.tenant == tenant, tuple_(*_POSITION) < place))
    await tx.execute(
        update(station_changes).where(of.seq == last.seq).values(what=FORGOTTEN, facts=None)
    )
