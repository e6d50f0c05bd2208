"""Notes for ExplainCommand: evidence, decisions and tries that no other table holds.

Notes are append-only. Each is written in the transaction of the fact that it tells, so that the
explanation of a command knows exactly what the other tables know. The key makes a note one row,
however often its cause is repeated. A station that sends without end cannot fill the disk: from
`NOTES_LIMIT` on, further notes of a command share one row, which counts them and shows the newest.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, func, select

from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx, Upsert, bound, columns_of
from fleet.engine.values import cut, identifier
from fleet.tables import notes

NOTES_LIMIT = 300
"""Notes of a command with a row of their own; concurrent transactions may add one more each."""

MORE_KEY = "more"
"""The key of the row that the notes beyond the limit share."""


@dataclass(frozen=True, slots=True)
class Note:
    """One note about a command, or about a reservation (then `command` is the reservation's id).

    what: the kind of note, in the writer's own word. facts: small JSON values.
    times: how many notes this row counts; more than 1 only beyond `NOTES_LIMIT`.
    """

    id: int
    tenant: str
    command: str
    key: str
    time: datetime
    what: str
    text: str
    facts: dict[str, Any]
    times: int = 1


_NOTE = columns_of(notes, Note)
_COLUMNS = ("tenant", "command", "key", "time", "what", "text", "facts")
_KEY = ["tenant", "command", "key"]
_OF_COMMAND = and_(notes.c.tenant == bindparam("tenant"), notes.c.command == bindparam("command"))
_ADD = Upsert(
    lambda insert: (
        insert(notes).values(**bound(notes, *_COLUMNS)).on_conflict_do_nothing(index_elements=_KEY)
    )
)
_KNOWN = precompiled(
    select(
        func.count(),
        func.count().filter(notes.c.key == bindparam("key")).label("same"),
    ).where(_OF_COMMAND)
)


def _counting(insert: Any) -> Any:
    statement = insert(notes).values(**bound(notes, *_COLUMNS))
    newest = {name: statement.excluded[name] for name in ("time", "what", "text", "facts")}
    return statement.on_conflict_do_update(
        index_elements=_KEY, set_={**newest, "times": notes.c.times + 1}
    )


_COUNT = Upsert(_counting)
_BY_COMMAND = precompiled(select(*_NOTE).where(_OF_COMMAND).order_by(notes.c.time, notes.c.id))


async def add(
    tx: Tx,
    *,
    tenant: str,
    command: str,
    key: str,
    what: str,
    text: str,
    facts: dict[str, Any] | None = None,
    now: datetime,
    is_first: bool = False,
) -> None:
    """Add a note, once per key. A text may hold the mask of a token, never its value.

    is_first: the command is new, so that its notes need not be counted.

    Raises: InvalidValue for a tenant or command that is no identifier.
    """
    values = {
        "tenant": identifier(tenant),
        "command": identifier(command),
        "key": cut(key, 255),
        "time": now,
        "what": cut(what, 64),
        "text": cut(text),
        "facts": facts or {},
    }
    known, same = (0, 0) if is_first else (await tx.execute(_KNOWN, values)).one()
    if same:
        return
    if known >= NOTES_LIMIT:
        await tx.execute(_COUNT(tx), {**values, "key": MORE_KEY})
    else:
        await tx.execute(_ADD(tx), values)


async def by_command(tx: Tx, tenant: str, command: str) -> list[Note]:
    """All notes of a command, the oldest first."""
    rows = await tx.execute(_BY_COMMAND, {"tenant": tenant, "command": command})
    return [Note(*row) for row in rows]
