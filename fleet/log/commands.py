"""Commands in the event log, and the commands of a station that are not done.

The log itself, its order and its cursors are explained in `fleet.log.event_log`. The names below
are those of the log, so that a caller that reads or writes commands imports this module alone.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, literal_column, or_, select

from fleet.engine.precompiled import precompiled
from fleet.engine.statements import Tx
from fleet.log.event_log import Columns, Entry, Filter, ResourceLog, Snapshot, head
from fleet.log.order import Cursor
from fleet.log.postgres_notification import path
from fleet.tables import commands

__all__ = [
    "COMMANDS",
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
"""How many commands of one station `waiting` returns at most."""

COMMANDS = ResourceLog(commands, "outcome_cause", "outcome_time")
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
    """One statement per set of states: every connect and boot of a station runs one of a few."""
    return precompiled(
        select(commands.c.tenant, commands.c.name, commands.c.workflow_id)
        .where(commands.c.station == bindparam("of_station"))
        .where(or_(*(commands.c.state == state for state in states)))
        .where(commands.c.state != literal_column("'DONE'"))
        .order_by(commands.c.create_time, commands.c.name)
        .limit(WAITING_LIMIT)
    )
