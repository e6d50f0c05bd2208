"""Reads what the fleet remembers of a command, as its story."""

from fleet import sends
from fleet.engine.statements import Tx
from fleet.log import commands as log
from fleet.log import notes
from journal.commands.record import from_snapshot
from journal.explain.steps import Change, Step, story


async def read_story(tx: Tx, tenant: str, name: str) -> tuple[Step, ...] | None:
    """The command's story so far; None when the log does not know it."""
    entries = await log.history(tx, tenant=tenant, name=name)
    changes = [Change(each.key, each.time, from_snapshot(each.snapshot)) for each in entries]
    if not changes:
        return None
    return story(
        changes,
        await sends.by_command(tx, tenant, name),
        await notes.by_command(tx, tenant, name),
    )
