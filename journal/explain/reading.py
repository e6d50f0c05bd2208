"""Reads what the fleet remembers of a command, and returns its explanation."""

from fleet import sends
from fleet.engine.statements import Tx
from fleet.log import commands as log
from fleet.log import notes
from journal.commands.record import from_snapshot
from journal.explain.changes import LoggedChange
from journal.explain.ordering import explain
from journal.explain.step import ExplainStep


async def read_explanation(tx: Tx, tenant: str, name: str) -> tuple[ExplainStep, ...] | None:
    """Everything that happened with a command so far, in order. None: the log does not have it."""
    entries = await log.history(tx, tenant=tenant, name=name)
    changes = [LoggedChange(each.key, each.time, from_snapshot(each.snapshot)) for each in entries]
    if not changes:
        return None
    return explain(
        changes,
        await sends.by_command(tx, tenant, name),
        await notes.by_command(tx, tenant, name),
    )
