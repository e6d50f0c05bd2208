"""A book of the event log: every change of one kind of resource, and the newest snapshot of each.

Commands and reservations each have a table of newest snapshots; their changes stand in one log
(`events`), whose order and cursors are explained in `commands.py`. Their names can never be the
same, so a book finds its own events by joining its own newest snapshots.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from fleet.engine.fixed import fixed
from fleet.engine.statements import Tx, Upsert, bound, columns_of
from fleet.engine.values import cut, identifier
from fleet.engine.values import labels as checked_labels
from fleet.tables import command_labels, events

CHANNEL = "evcommand_log"
"""Where PostgreSQL notifies that the log has grown, with the `path` of the resource."""

LOG_GREW = "evcommand_log_grew"
"""In the `info` of a connection: the `path` of each resource that its transaction wrote about."""

LAST_SEQ = 2**63 - 1

Snapshot = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """A change of a resource, and the resource as it was after it (`snapshot`)."""

    seq: int
    tx_id: int
    tenant: str
    name: str
    key: str
    revision: int
    time: datetime
    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class Columns:
    """What lists filter and sort by. All but state and outcome_code are fixed when it is made.

    more: further columns of the book's own table; they follow every change.
    """

    station: str
    kind: str
    state: str
    outcome_code: str
    create_time: datetime
    labels: dict[str, str] = field(default_factory=dict)
    workflow_id: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which resources; empty or None: not filtered by it. created_to is exclusive.

    where: equal values of the book's own columns.
    """

    tenant: str
    station: str | None = None
    kinds: Sequence[str] = ()
    states: Sequence[str] = ()
    outcome_codes: Sequence[str] = ()
    created_from: datetime | None = None
    created_to: datetime | None = None
    labels: dict[str, str] = field(default_factory=dict)
    names: Sequence[str] = ()
    where: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """A place in the log: everything up to and including it was read."""

    tx_id: int
    seq: int


_EVENT = columns_of(events, Entry)
_EVENT_VALUES = bound(
    events,
    *("tenant", "name", "key", "revision", "time", "snapshot", "state", "outcome_code"),
)
_HISTORY = fixed(
    select(*_EVENT)
    .where(events.c.tenant == bindparam("of_tenant"), events.c.name == bindparam("of_name"))
    .order_by(events.c.revision)
)
_LABEL = Upsert(
    lambda insert: (
        insert(command_labels)
        .values(**bound(command_labels, "tenant", "name", "label", "value"))
        .on_conflict_do_nothing(index_elements=["tenant", "name", "label"])
    )
)
_CURRENT_TX = cast(cast(func.pg_current_xact_id(), Text), BigInteger)
_XMIN = cast(cast(func.pg_snapshot_xmin(func.pg_current_snapshot()), Text), BigInteger)
_PLACE = (events.c.seq, events.c.tx_id)
# A transaction that began earlier may write a resource's later change. It takes the place of the
# earlier one, so that one resource's changes are read in their order. Readers see neither before
# both are committed, because the older transaction holds the horizon back.
_PREVIOUS_TX = bindparam("previous_tx", type_=BigInteger)
# On PostgreSQL the notification rides on the row: no further round trip.
_APPEND = {
    "sqlite": sqlite.insert(events)
    .values(**_EVENT_VALUES, tx_id=0)
    .on_conflict_do_nothing()
    .returning(*_PLACE),
    "postgresql": postgresql.insert(events)
    .values(**_EVENT_VALUES, tx_id=func.greatest(_CURRENT_TX, _PREVIOUS_TX))
    .on_conflict_do_nothing()
    .returning(*_PLACE, cast(func.pg_notify(CHANNEL, events.c.tenant + "/" + events.c.name), Text)),
}
_BOOK_COLUMNS = (
    *("tenant", "name", "seq", "tx_id", "key", "revision", "time", "snapshot"),
    *("station", "kind", "state", "outcome_code", "create_time", "workflow_id"),
)
_CHANGING = ("seq", "tx_id", "key", "revision", "time", "snapshot", "state", "outcome_code")


def path(tenant: str, name: str) -> str:
    """How news of the log name a resource."""
    return f"{tenant}/{name}"


async def head(tx: Tx) -> Cursor:
    """The end of the log as readers see it now: reading after it returns only what comes later."""
    if tx.dialect.name == "postgresql":
        return Cursor((await tx.execute(select(_XMIN))).scalar_one() - 1, LAST_SEQ)
    newest = await tx.execute(select(func.coalesce(func.max(events.c.seq), 0)))
    return Cursor(0, newest.scalar_one())


class Book:
    """One kind of resource in the log. Make it once, at import.

    newest: its table of newest snapshots; it has the columns of `commands`, and perhaps `more`.
    """

    def __init__(self, newest: Table, *more: str) -> None:
        self.table = newest
        self._more = more
        columns = newest.c
        of_resource = and_(
            columns.tenant == bindparam("of_tenant"), columns.name == bindparam("of_name")
        )
        key_seen = exists().where(
            events.c.tenant == bindparam("of_tenant"),
            events.c.name == bindparam("of_name"),
            events.c.key == bindparam("of_key"),
        )
        changing = {
            name: bindparam(f"new_{name}", type_=columns[name].type) for name in (*_CHANGING, *more)
        }
        self.entry = columns_of(newest, Entry)
        self._latest = fixed(select(*self.entry).where(of_resource))
        self._lock = fixed(
            select(*self.entry, key_seen.label("seen"))
            .where(of_resource)
            .with_for_update(of=newest)
        )
        self._make = fixed(insert(newest).values(**bound(newest, *_BOOK_COLUMNS, *more)))
        self._replace = fixed(update(newest).where(of_resource).values(changing))

    async def append(
        self,
        tx: Tx,
        *,
        tenant: str,
        name: str,
        key: str,
        change: Callable[[Snapshot | None], Snapshot | None],
        columns: Callable[[Snapshot], Columns],
        now: datetime,
    ) -> Entry | None:
        """Write one change of a resource and make its result the newest snapshot.

        The newest row is locked first, then `change` gets its snapshot (None when there is none
        yet) and returns the new one, or None when there is nothing to write. `change` must be
        pure: it may be called again. The new snapshot's "revision" is set to the old one plus one.

        Idempotent by (tenant, name, key): a repeated key changes nothing. Returns the newest
        entry; None when there is none still.
        """
        identifier(name), identifier(tenant), identifier(key)
        while True:
            newest, seen = await self._locked(tx, tenant, name, key)
            if seen:
                return newest
            snapshot = change(None if newest is None else newest.snapshot)
            if snapshot is None:
                return newest
            revision = 1 if newest is None else newest.revision + 1
            row = _Row(tenant, name, key, revision, now, {**snapshot, "revision": revision})
            entry = await self._write(tx, row, columns(row.snapshot), newest)
            if entry is not None:
                tx.info.setdefault(LOG_GREW, set()).add(path(tenant, name))
                return entry
            # Somebody else made it, or wrote this key, meanwhile: look again.

    async def latest(self, tx: Tx, *, tenant: str, name: str) -> Entry | None:
        """The resource as it is now; None when there is no such one."""
        row = (await tx.execute(self._latest, {"of_tenant": tenant, "of_name": name})).first()
        return None if row is None else Entry(*row)

    async def history(self, tx: Tx, *, tenant: str, name: str) -> list[Entry]:
        """Every change of the resource, the oldest first."""
        rows = await tx.execute(_HISTORY, {"of_tenant": tenant, "of_name": name})
        return [Entry(*row) for row in rows]

    async def list_page(
        self, tx: Tx, which: Filter, *, after: tuple[datetime, str] | None = None, limit: int
    ) -> tuple[list[Entry], tuple[datetime, str] | None]:
        """Resources as they are now, the newest first, and where the next page starts.

        `after` is what the page before returned as its second value; None: it ends.
        """
        columns = self.table.c
        stmt = select(*self.entry, columns.create_time).where(*self._matches(which, self.table))
        if after is not None:
            created, name = after
            stmt = stmt.where(
                or_(
                    columns.create_time < created,
                    and_(columns.create_time == created, columns.name < name),
                )
            )
        stmt = stmt.order_by(columns.create_time.desc(), columns.name.desc()).limit(limit + 1)
        rows = (await tx.execute(stmt)).all()
        page = rows[:limit]
        more = len(rows) > limit and page
        return [Entry(*row[:-1]) for row in page], (page[-1][-1], page[-1].name) if more else None

    async def read_after(self, tx: Tx, cursor: Cursor, which: Filter, limit: int) -> list[Entry]:
        """Changes after the cursor, in the log's order; state and outcome are the change's."""
        stmt = _after(tx.dialect.name, cursor)
        joined = and_(self.table.c.tenant == events.c.tenant, self.table.c.name == events.c.name)
        stmt = stmt.join(self.table, joined).where(*self._matches(which, events))
        return [Entry(*row) for row in await tx.execute(stmt.limit(limit))]

    async def _locked(self, tx: Tx, tenant: str, name: str, key: str) -> tuple[Entry | None, bool]:
        values = {"of_tenant": tenant, "of_name": name, "of_key": key}
        row = (await tx.execute(self._lock, values)).first()
        return (None, False) if row is None else (Entry(*row[:-1]), bool(row.seen))

    async def _write(
        self, tx: Tx, row: "_Row", columns: Columns, newest: Entry | None
    ) -> Entry | None:
        """None when another transaction came first (this key, or the resource's first change)."""
        shown = {"state": cut(columns.state, 64), "outcome_code": cut(columns.outcome_code, 64)}
        fixed_values = {"tenant": row.tenant, "name": row.name}
        changed = {
            "key": row.key,
            "revision": row.revision,
            "time": row.time,
            "snapshot": row.snapshot,
            **shown,
        }
        values = {**fixed_values, **changed}
        if tx.dialect.name == "postgresql":
            values["previous_tx"] = 0 if newest is None else newest.tx_id
        written = (await tx.execute(_APPEND[tx.dialect.name], values)).first()
        if written is None:
            return None
        place = {"seq": written.seq, "tx_id": written.tx_id}
        more = {name: columns.more[name] for name in self._more}
        if newest is None:
            await self._insert(tx, {**fixed_values, **changed, **place, **more}, columns)
        else:
            replaced = {f"new_{k}": value for k, value in {**place, **changed, **more}.items()}
            of = {"of_tenant": row.tenant, "of_name": row.name}
            await tx.execute(self._replace, {**of, **replaced})
        return Entry(
            written.seq,
            written.tx_id,
            row.tenant,
            row.name,
            row.key,
            row.revision,
            row.time,
            row.snapshot,
        )

    async def _insert(self, tx: Tx, values: dict[str, Any], columns: Columns) -> None:
        row = {
            **values,
            "station": identifier(columns.station),
            "kind": columns.kind,
            "create_time": columns.create_time,
            "workflow_id": columns.workflow_id,
        }
        await tx.execute(self._make, row)
        if columns.labels:
            of = {"tenant": values["tenant"], "name": values["name"]}
            pairs = checked_labels(columns.labels).items()
            await tx.execute(_LABEL(tx), [{**of, "label": k, "value": v} for k, v in pairs])

    def _matches(self, which: Filter, shown: Table) -> list[ColumnElement[bool]]:
        """Conditions on the book; state and outcome are those of `shown` (the book or events)."""
        columns = self.table.c
        conditions = [columns.tenant == which.tenant]
        if which.station is not None:
            conditions.append(columns.station == which.station)
        for column, values in (
            (columns.kind, which.kinds),
            (shown.c.state, which.states),
            (shown.c.outcome_code, which.outcome_codes),
            (columns.name, which.names),
        ):
            if values:
                conditions.append(column.in_(list(values)))
        if which.created_from is not None:
            conditions.append(columns.create_time >= which.created_from)
        if which.created_to is not None:
            conditions.append(columns.create_time < which.created_to)
        conditions += [columns[name] == value for name, value in which.where.items()]
        conditions += [
            exists().where(
                command_labels.c.tenant == columns.tenant,
                command_labels.c.name == columns.name,
                command_labels.c.label == label,
                command_labels.c.value == value,
            )
            for label, value in which.labels.items()
        ]
        return conditions


@dataclass(frozen=True, slots=True)
class _Row:
    tenant: str
    name: str
    key: str
    revision: int
    time: datetime
    snapshot: Snapshot


def _after(dialect: str, cursor: Cursor) -> Select[Any]:
    if dialect == "sqlite":
        return select(*_EVENT).where(events.c.seq > cursor.seq).order_by(events.c.seq)
    place = tuple_(events.c.tx_id, events.c.seq)
    bounds = tuple_(literal(cursor.tx_id, BigInteger), literal(cursor.seq, BigInteger))
    return (
        select(*_EVENT)
        .where(place > bounds, events.c.tx_id < select(_XMIN).scalar_subquery())
        .order_by(events.c.tx_id, events.c.seq)
    )
