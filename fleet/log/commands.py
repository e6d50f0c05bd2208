"""The event log: every change of a command, append-only, and the newest snapshot of each.

PostgreSQL commits in another order than it numbers rows. A reader that simply asked for
"seq > last seen" would miss a row that was numbered before and committed after the one it saw.
So every event carries the id of its transaction, readers see only events of transactions older
than every one still running (`pg_snapshot_xmin`), and the cursor is (tx_id, seq): nothing is
missed, nothing comes twice. SQLite has one writer at a time; there tx_id is 0 and seq is enough.

Reservations are another `Book` in the same log: see `fleet.log.reservations`.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, literal_column, or_, select

from fleet.engine.fixed import fixed
from fleet.engine.statements import Tx
from fleet.log.book import (
    CHANNEL,
    LOG_GREW,
    Book,
    Columns,
    Cursor,
    Entry,
    Filter,
    Snapshot,
    head,
    path,
)
from fleet.tables import commands

__all__ = [
    "CHANNEL",
    "COMMANDS",
    "LOG_GREW",
    "Columns",
    "Cursor",
    "Entry",
    "Filter",
    "Snapshot",
    "append",
    "head",
    "history",
    "latest",
    "list_page",
    "path",
    "read_after",
    "waiting",
]

WAITING_LIMIT = 1_000

COMMANDS = Book(commands)
append = COMMANDS.append
latest = COMMANDS.latest
history = COMMANDS.history
list_page = COMMANDS.list_page
read_after = COMMANDS.read_after


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
