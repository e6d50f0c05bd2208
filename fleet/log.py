"""The event log: every change of a command, append-only, and the newest snapshot of each.

PostgreSQL commits in another order than it numbers rows. A reader that simply asked for
"seq > last seen" would miss a row that was numbered before and committed after the one it saw.
So every event carries the id of its transaction, readers see only events of transactions older
than every one still running (`pg_snapshot_xmin`), and the cursor is (tx_id, seq): nothing is
missed, nothing comes twice. SQLite has one writer at a time; there tx_id is 0 and seq is enough.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    exists,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from fleet.fixed import fixed
from fleet.statements import Tx, Upsert, bound, columns_of
from fleet.tables import command_labels, commands, events
from fleet.values import cut, identifier
from fleet.values import labels as checked_labels

CHANNEL = "evcommand_log"
"""Where PostgreSQL notifies that the log has grown, with the `path` of the command."""

LOG_GREW = "evcommand_log_grew"
"""In the `info` of a connection: the `path` of each command that its transaction wrote about."""

WAITING_LIMIT = 1_000
_LAST_SEQ = 2**63 - 1

Snapshot = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """A change of a command, and the command as it was after it (`snapshot`)."""

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
    """What lists filter and sort by. All but state and outcome_code are fixed when it is made."""

    station: str
    kind: str
    state: str
    outcome_code: str
    create_time: datetime
    labels: dict[str, str] = field(default_factory=dict)
    workflow_id: str = ""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which commands; empty or None: not filtered by it. created_to is exclusive."""

    tenant: str
    station: str | None = None
    kinds: Sequence[str] = ()
    states: Sequence[str] = ()
    outcome_codes: Sequence[str] = ()
    created_from: datetime | None = None
    created_to: datetime | None = None
    labels: dict[str, str] = field(default_factory=dict)
    names: Sequence[str] = ()


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """A place in the log: everything up to and including it was read."""

    tx_id: int
    seq: int


_NEWEST = columns_of(commands, Entry)
_EVENT = columns_of(events, Entry)

_of_command = and_(
    commands.c.tenant == bindparam("of_tenant"), commands.c.name == bindparam("of_name")
)
_LATEST = fixed(select(*_NEWEST).where(_of_command))
_key_seen = exists().where(
    events.c.tenant == bindparam("of_tenant"),
    events.c.name == bindparam("of_name"),
    events.c.key == bindparam("of_key"),
)
_LOCK = fixed(
    select(*_NEWEST, _key_seen.label("seen")).where(_of_command).with_for_update(of=commands)
)
_MAKE = fixed(
    insert(commands).values(
        **bound(
            commands,
            *("tenant", "name", "seq", "tx_id", "key", "revision", "time", "snapshot"),
            *("station", "kind", "state", "outcome_code", "create_time", "workflow_id"),
        )
    )
)
_REPLACE = fixed(
    update(commands)
    .where(_of_command)
    .values(
        {
            name: bindparam(f"new_{name}", type_=commands.c[name].type)
            for name in (
                *("seq", "tx_id", "key", "revision", "time"),
                *("snapshot", "state", "outcome_code"),
            )
        }
    )
)
_LABEL = Upsert(
    lambda insert: (
        insert(command_labels)
        .values(**bound(command_labels, "tenant", "name", "label", "value"))
        .on_conflict_do_nothing(index_elements=["tenant", "name", "label"])
    )
)
_HISTORY = fixed(
    select(*_EVENT)
    .where(events.c.tenant == bindparam("of_tenant"), events.c.name == bindparam("of_name"))
    .order_by(events.c.revision)
)
_EVENT_VALUES = bound(
    events,
    *("tenant", "name", "key", "revision", "time", "snapshot", "state", "outcome_code"),
)
_CURRENT_TX = cast(cast(func.pg_current_xact_id(), Text), BigInteger)
_XMIN = cast(cast(func.pg_snapshot_xmin(func.pg_current_snapshot()), Text), BigInteger)
_PLACE = (events.c.seq, events.c.tx_id)
# A transaction that began earlier may write a command's later change. It takes the place of the
# earlier one, so that one command's changes are read in their order. Readers see neither before
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


def path(tenant: str, name: str) -> str:
    """How news of the log name a command."""
    return f"{tenant}/{name}"


async def append(
    tx: Tx,
    *,
    tenant: str,
    name: str,
    key: str,
    change: Callable[[Snapshot | None], Snapshot | None],
    columns: Callable[[Snapshot], Columns],
    now: datetime,
) -> Entry | None:
    """Write one change of a command and make its result the newest snapshot.

    The command's newest row is locked first, then `change` gets its snapshot (None when there is
    none yet) and returns the new one, or None when there is nothing to write. `change` must be
    pure: it may be called again. The new snapshot's "revision" is set to the old one plus one.

    Idempotent by (tenant, name, key): a repeated key changes nothing. Returns the newest entry;
    None when there is none still.
    """
    identifier(name), identifier(tenant), identifier(key)
    while True:
        newest, seen = await _lock(tx, tenant, name, key)
        if seen:
            return newest
        snapshot = change(None if newest is None else newest.snapshot)
        if snapshot is None:
            return newest
        revision = 1 if newest is None else newest.revision + 1
        row = _Row(tenant, name, key, revision, now, {**snapshot, "revision": revision})
        entry = await _write(tx, row, columns(row.snapshot), newest)
        if entry is not None:
            tx.info.setdefault(LOG_GREW, set()).add(path(tenant, name))
            return entry
        # Somebody else made the command, or wrote this key, meanwhile: look again.


async def latest(tx: Tx, *, tenant: str, name: str) -> Entry | None:
    """The command as it is now; None when there is no such command."""
    row = (await tx.execute(_LATEST, {"of_tenant": tenant, "of_name": name})).first()
    return None if row is None else Entry(*row)


async def history(tx: Tx, *, tenant: str, name: str) -> list[Entry]:
    """Every change of the command, the oldest first."""
    return [
        Entry(*row) for row in await tx.execute(_HISTORY, {"of_tenant": tenant, "of_name": name})
    ]


async def list_page(
    tx: Tx, which: Filter, *, after: tuple[datetime, str] | None = None, limit: int
) -> tuple[list[Entry], tuple[datetime, str] | None]:
    """Commands as they are now, the newest first, and where the next page starts (None: it ends).

    `after` is what the page before returned as its second value.
    """
    stmt = select(*_NEWEST, commands.c.create_time).where(*_matches(which, commands))
    if after is not None:
        created, name = after
        stmt = stmt.where(
            or_(
                commands.c.create_time < created,
                and_(commands.c.create_time == created, commands.c.name < name),
            )
        )
    stmt = stmt.order_by(commands.c.create_time.desc(), commands.c.name.desc()).limit(limit + 1)
    rows = (await tx.execute(stmt)).all()
    page = rows[:limit]
    more = len(rows) > limit and page
    return [Entry(*row[:-1]) for row in page], (page[-1][-1], page[-1].name) if more else None


async def head(tx: Tx) -> Cursor:
    """The end of the log as readers see it now: `read_after` it returns only what comes later."""
    if tx.dialect.name == "postgresql":
        return Cursor((await tx.execute(select(_XMIN))).scalar_one() - 1, _LAST_SEQ)
    newest = await tx.execute(select(func.coalesce(func.max(events.c.seq), 0)))
    return Cursor(0, newest.scalar_one())


async def read_after(tx: Tx, cursor: Cursor, which: Filter, limit: int) -> list[Entry]:
    """Changes after the cursor, in the log's order; state and outcome are those of the change."""
    stmt = _after(tx.dialect.name, cursor)
    joined = and_(commands.c.tenant == events.c.tenant, commands.c.name == events.c.name)
    stmt = stmt.join(commands, joined).where(*_matches(which, events))
    return [Entry(*row) for row in await tx.execute(stmt.limit(limit))]


async def waiting(
    tx: Tx, station: str, states: Sequence[str] = ("QUEUED",)
) -> list[tuple[str, str, str]]:
    """(tenant, name, workflow_id) of the station's commands in these states, the oldest first."""
    rows = await tx.execute(_waiting(tuple(states)), {"of_station": station})
    return [(tenant, name, workflow) for tenant, name, workflow in rows]


@cache
def _waiting(states: tuple[str, ...]) -> Select[Any]:
    """Every connect and boot of a station asks this, with one of a few sets of states."""
    return fixed(
        select(commands.c.tenant, commands.c.name, commands.c.workflow_id)
        .where(commands.c.station == bindparam("of_station"))
        .where(or_(*(commands.c.state == state for state in states)))
        .where(commands.c.state != literal_column("'DONE'"))
        .order_by(commands.c.create_time, commands.c.name)
        .limit(WAITING_LIMIT)
    )


@dataclass(frozen=True, slots=True)
class _Row:
    tenant: str
    name: str
    key: str
    revision: int
    time: datetime
    snapshot: Snapshot


async def _lock(tx: Tx, tenant: str, name: str, key: str) -> tuple[Entry | None, bool]:
    values = {"of_tenant": tenant, "of_name": name, "of_key": key}
    row = (await tx.execute(_LOCK, values)).first()
    return (None, False) if row is None else (Entry(*row[:-1]), bool(row.seen))


async def _write(tx: Tx, row: _Row, columns: Columns, newest: Entry | None) -> Entry | None:
    """None when another transaction came first (this key, or this command's first change)."""
    shown = {"state": cut(columns.state, 64), "outcome_code": cut(columns.outcome_code, 64)}
    fixed = {"tenant": row.tenant, "name": row.name}
    changed = {
        "key": row.key,
        "revision": row.revision,
        "time": row.time,
        "snapshot": row.snapshot,
        **shown,
    }
    values = {**fixed, **changed}
    if tx.dialect.name == "postgresql":
        values["previous_tx"] = 0 if newest is None else newest.tx_id
    written = (await tx.execute(_APPEND[tx.dialect.name], values)).first()
    if written is None:
        return None
    place = {"seq": written.seq, "tx_id": written.tx_id}
    if newest is None:
        await _make(tx, {**fixed, **changed, **place}, columns)
    else:
        replaced = {f"new_{name}": value for name, value in {**place, **changed}.items()}
        await tx.execute(_REPLACE, {"of_tenant": row.tenant, "of_name": row.name, **replaced})
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


async def _make(tx: Tx, values: dict[str, Any], columns: Columns) -> None:
    row = {
        **values,
        "station": identifier(columns.station),
        "kind": columns.kind,
        "create_time": columns.create_time,
        "workflow_id": columns.workflow_id,
    }
    await tx.execute(_MAKE, row)
    if columns.labels:
        of = {"tenant": values["tenant"], "name": values["name"]}
        pairs = checked_labels(columns.labels).items()
        await tx.execute(_LABEL(tx), [{**of, "label": k, "value": v} for k, v in pairs])


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


def _matches(which: Filter, shown: Any) -> list[ColumnElement[bool]]:
    """Conditions on `commands`; state and outcome are those of `shown` (commands or events)."""
    conditions = [commands.c.tenant == which.tenant]
    if which.station is not None:
        conditions.append(commands.c.station == which.station)
    for column, values in (
        (commands.c.kind, which.kinds),
        (shown.c.state, which.states),
        (shown.c.outcome_code, which.outcome_codes),
        (commands.c.name, which.names),
    ):
        if values:
            conditions.append(column.in_(list(values)))
    if which.created_from is not None:
        conditions.append(commands.c.create_time >= which.created_from)
    if which.created_to is not None:
        conditions.append(commands.c.create_time < which.created_to)
    for label, value in which.labels.items():
        conditions.append(
            exists().where(
                command_labels.c.tenant == commands.c.tenant,
                command_labels.c.name == commands.c.name,
                command_labels.c.label == label,
                command_labels.c.value == value,
            )
        )
    return conditions
