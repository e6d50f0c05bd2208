"""The event log: every change of a resource, append-only, and the newest snapshot of each resource.

Two kinds of resources are in the log: commands and reservations. Each kind has a table of its own
with the newest snapshots (`ResourceLog.table`); the changes of both stand in one table, `events`.
The names of commands and of reservations can never be the same, so a `ResourceLog` finds its own
events by a join with its own newest snapshots.

The order of events, and what a cursor is, stands in `fleet.log.order`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Table,
    and_,
    bindparam,
    exists,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from fleet.engine.commit_marks import CommitMark
from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, Upsert, before, begins_with, bound, columns_of
from fleet.engine.values import cut, identifier
from fleet.engine.values import labels as checked_labels
from fleet.log.order import Cursor, after, head_of, no_earlier_than
from fleet.log.postgres_notification import notify, path
from fleet.tables import command_labels, events

LOG_GREW = CommitMark("evcommand_log_grew")
"""Marks a transaction with the path of each resource that it wrote about."""
Snapshot = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """A change of a resource.

    seq, tx_id: its place in the log. key: what makes the change unique within its resource.
    revision: 1 for the first change. snapshot: the resource after the change.
    """

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
    """What lists of resources filter and sort by.

    All but state, outcome_code and `more` are fixed by the first change.
    more: values of the further columns of the resource's own table; they follow every change. One
        that is left out is NULL.
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
    """Which resources. A field that is empty or None filters nothing. created_to is exclusive.

    labels: all of them must be there. where: values of the resource's own columns, compared by
    equality. groups: the identity of the station begins with one of them.
    """

    tenant: str
    station: str | None = None
    groups: Sequence[str] = ()
    kinds: Sequence[str] = ()
    states: Sequence[str] = ()
    outcome_codes: Sequence[str] = ()
    created_from: datetime | None = None
    created_to: datetime | None = None
    labels: dict[str, str] = field(default_factory=dict)
    names: Sequence[str] = ()
    where: Mapping[str, Any] = field(default_factory=dict)


_EVENT = columns_of(events, Entry)
_EVENT_VALUES = bound(
    events,
    *("tenant", "name", "key", "revision", "time", "snapshot", "state", "outcome_code"),
)
_HISTORY = precompiled(
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
_POSITION = (events.c.seq, events.c.tx_id)
_PREVIOUS_TX = bindparam("previous_tx", type_=BigInteger)
# On PostgreSQL the INSERT also notifies: no further round trip.
_APPEND = {
    "sqlite": precompiled(
        sqlite.insert(events)
        .values(**_EVENT_VALUES, tx_id=0)
        .on_conflict_do_nothing()
        .returning(*_POSITION)
    ),
    "postgresql": postgresql.insert(events)
    .values(**_EVENT_VALUES, tx_id=no_earlier_than(_PREVIOUS_TX))
    .on_conflict_do_nothing()
    .returning(*_POSITION, notify(events.c.tenant, events.c.name)),
}
_FIRST = (
    *("tenant", "name", "seq", "tx_id", "key", "revision", "time", "snapshot"),
    *("station", "kind", "state", "outcome_code", "create_time", "workflow_id"),
)
_CHANGING = ("seq", "tx_id", "key", "revision", "time", "snapshot", "state", "outcome_code")


async def head(tx: Tx) -> Cursor:
    """The end of the log as readers see it now: `read_after` it returns only what comes later."""
    return await head_of(tx, events)


class ResourceLog:
    """The log of one kind of resource, with the newest snapshot of each. Make it once, at import.

    newest: the table of newest snapshots; it has the columns of `commands`.
    more: the names of its further columns, which are written from `Columns.more`.
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
        self._latest = precompiled(select(*self.entry).where(of_resource))
        self._lock = precompiled(
            select(*self.entry, key_seen.label("seen"))
            .where(of_resource)
            .with_for_update(of=newest)
        )
        self._make = precompiled(insert(newest).values(**bound(newest, *_FIRST, *more)))
        self._replace = precompiled(update(newest).where(of_resource).values(changing))

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
        is_new: bool = False,
    ) -> Entry | None:
        """Write one change of a resource and make its result the newest snapshot.

        The newest row is locked first. Then `change` gets its snapshot (None when there is none
        yet) and returns the new one, or None when there is nothing to write. `change` must be
        pure: it may be called again. The new snapshot's "revision" is the old one plus one.

        Idempotent by (tenant, name, key): a repeated key changes nothing.
        is_new: the resource is hardly in the log yet, so it is written without a look for it.

        Returns the newest entry; None when the resource still has none.

        Raises: InvalidValue for a name, tenant or key that is no identifier.
        """
        identifier(name), identifier(tenant), identifier(key)
        while True:
            newest, seen = (None, False) if is_new else await self._locked(tx, tenant, name, key)
            is_new = False  # who comes here again was wrong
            if seen:
                return newest
            snapshot = change(None if newest is None else newest.snapshot)
            if snapshot is None:
                return newest
            revision = 1 if newest is None else newest.revision + 1
            snapshot = {**snapshot, "revision": revision}
            draft = Entry(0, 0, tenant, name, key, revision, now, snapshot)
            entry = await self._write(tx, draft, columns(snapshot), newest)
            if entry is not None:
                LOG_GREW.add(tx, path(tenant, name))
                return entry
            # Another transaction wrote the first change, or this key, meanwhile: read it again.

    async def latest(self, tx: Tx, *, tenant: str, name: str) -> Entry | None:
        """The newest entry of the resource; None when it does not exist."""
        row = (await tx.execute(self._latest, {"of_tenant": tenant, "of_name": name})).first()
        return None if row is None else Entry(*row)

    async def history(self, tx: Tx, *, tenant: str, name: str) -> list[Entry]:
        """Every change of the resource, the oldest first."""
        rows = await tx.execute(_HISTORY, {"of_tenant": tenant, "of_name": name})
        return [Entry(*row) for row in rows]

    async def list_page(
        self, tx: Tx, which: Filter, *, after: tuple[datetime, str] | None = None, limit: int
    ) -> tuple[list[Entry], tuple[datetime, str] | None]:
        """One page of the newest entries, the latest created resource first.

        after: the second value of the page before; None for the first page.

        Returns the entries, and where the next page starts; None when this is the last page.
        """
        columns = self.table.c
        stmt = select(*self.entry, columns.create_time).where(*self._matches(which, self.table))
        if after is not None:
            stmt = stmt.where(before((columns.create_time, columns.name), after))
        stmt = stmt.order_by(columns.create_time.desc(), columns.name.desc()).limit(limit + 1)
        rows = (await tx.execute(stmt)).all()
        page = rows[:limit]
        more = len(rows) > limit and page
        return [Entry(*row[:-1]) for row in page], (page[-1][-1], page[-1].name) if more else None

    async def read_after(self, tx: Tx, cursor: Cursor, which: Filter, limit: int) -> list[Entry]:
        """At most `limit` changes after the cursor, in the log's order.

        The filter's states and outcome codes are compared with those of the change; everything else
        is compared with the resource.
        """
        stmt = after(tx.dialect.name, events, cursor, _EVENT)
        joined = and_(self.table.c.tenant == events.c.tenant, self.table.c.name == events.c.name)
        stmt = stmt.join(self.table, joined).where(*self._matches(which, events))
        return [Entry(*row) for row in await tx.execute(stmt.limit(limit))]

    async def _locked(self, tx: Tx, tenant: str, name: str, key: str) -> tuple[Entry | None, bool]:
        """The newest entry, locked until the transaction ends, and whether the key was written."""
        values = {"of_tenant": tenant, "of_name": name, "of_key": key}
        row = (await tx.execute(self._lock, values)).first()
        return (None, False) if row is None else (Entry(*row[:-1]), bool(row.seen))

    async def _write(
        self, tx: Tx, draft: Entry, columns: Columns, newest: Entry | None
    ) -> Entry | None:
        """Write the event and the newest snapshot; the draft has no seq and no tx_id yet.

        None when another transaction has written this key, or the resource's first change, before.
        """
        shown = {"state": cut(columns.state, 64), "outcome_code": cut(columns.outcome_code, 64)}
        identity = {"tenant": draft.tenant, "name": draft.name}
        changed = {
            "key": draft.key,
            "revision": draft.revision,
            "time": draft.time,
            "snapshot": draft.snapshot,
            **shown,
        }
        values = {**identity, **changed}
        if tx.dialect.name == "postgresql":
            values["previous_tx"] = 0 if newest is None else newest.tx_id
        written = (await tx.execute(_APPEND[tx.dialect.name], values)).first()
        if written is None:
            return None
        position = {"seq": written.seq, "tx_id": written.tx_id}
        more = {name: columns.more.get(name) for name in self._more}
        if newest is None:
            await self._insert(tx, {**identity, **changed, **position, **more}, columns)
        else:
            replaced = {f"new_{k}": value for k, value in {**position, **changed, **more}.items()}
            of = {"of_tenant": draft.tenant, "of_name": draft.name}
            await tx.execute(self._replace, {**of, **replaced})
        return replace(draft, **position)

    async def _insert(self, tx: Tx, values: dict[str, Any], columns: Columns) -> None:
        """Insert the first snapshot of the resource, and its labels."""
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
        """The filter's conditions. `shown`: the table whose state and outcome code are compared."""
        columns = self.table.c
        conditions = [columns.tenant == which.tenant, begins_with(columns.station, which.groups)]
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


async def changed_after(
    tx: Tx, tenant: str, cursor: Cursor, limit: int
) -> list[tuple[Cursor, str]]:
    """Where the log of every kind of resource grew, and the name of what changed, in its order."""
    columns = (events.c.tx_id, events.c.seq, events.c.name)
    stmt = after(tx.dialect.name, events, cursor, columns).where(events.c.tenant == tenant)
    stmt = stmt.limit(limit)
    return [(Cursor(row.tx_id, row.seq), row.name) for row in await tx.execute(stmt)]
