"""The audit log: who changed what, and which calls were denied.

A row is written in the transaction of the change, where there is one. Calls that made a command
have no row here: the command itself tells who made it and when (`fleet.log.commands`).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import insert, select

from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, before, begins_with, bound, columns_of
from fleet.engine.values import WORD_LIMIT, cut, identifier
from fleet.log.event_log import Filter
from fleet.tables import audit_entries


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A call that changed something, or calls that were denied. Empty text: there is none.

    id: unique in its tenant. method: without its service. resource: the name of what was changed.
    station: its identity. code, reason: how the call ended. times: how many calls share the row.
    create_time, last_time: of the first and of the last of them.
    """

    tenant: str
    id: str
    create_time: datetime
    caller: str
    method: str
    resource: str
    station: str
    code: str
    reason: str
    request_id: str
    trace_id: str
    times: int
    last_time: datetime


_ROW = columns_of(audit_entries, AuditRow)
_WRITE = precompiled(
    insert(audit_entries).values(**bound(audit_entries, *(column.name for column in _ROW)))
)
_TEXTS = ("caller", "resource", "station")
_WORDS = ("method", "code", "reason", "request_id", "trace_id")


async def write(tx: Tx, rows: Sequence[AuditRow]) -> None:
    """Write rows that are not there yet. Raises: InvalidValue for a tenant that is none."""
    for row in rows:
        values = asdict(row) | {"tenant": identifier(row.tenant)}
        values |= {name: cut(values[name]) for name in _TEXTS}
        values |= {name: cut(values[name], WORD_LIMIT) for name in _WORDS}
        await tx.execute(_WRITE, values)


async def list_page(
    tx: Tx, which: Filter, *, after: tuple[datetime, str] | None = None, limit: int
) -> list[AuditRow]:
    """Rows, the newest first, after the (create_time, id) `after`.

    which: its tenant, groups and times of creation; nothing else of it is looked at.
    """
    columns = audit_entries.c
    stmt = select(*_ROW).where(
        columns.tenant == which.tenant, begins_with(columns.station, which.groups)
    )
    if which.created_from is not None:
        stmt = stmt.where(columns.create_time >= which.created_from)
    if which.created_to is not None:
        stmt = stmt.where(columns.create_time < which.created_to)
    if after is not None:
        stmt = stmt.where(before((columns.create_time, columns.id), after))
    stmt = stmt.order_by(columns.create_time.desc(), columns.id.desc()).limit(limit)
    return [AuditRow(*row) for row in await tx.execute(stmt)]
