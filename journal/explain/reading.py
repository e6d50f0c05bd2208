"""Reads what the fleet remembers of a command, and returns its explanation."""

from datetime import UTC, datetime

from domain.model.command import State
from fleet import sends
from fleet.engine.statements import Tx
from fleet.log import commands as log
from fleet.log import notes
from journal.back_end.reading import told_beside
from journal.commands.record import from_snapshot
from journal.explain.changes import LoggedChange
from journal.explain.ordering import explain
from journal.explain.step import ExplainStep

_FAR_AWAY = datetime(9999, 1, 1, tzinfo=UTC)


async def read_explanation(tx: Tx, tenant: str, name: str) -> tuple[ExplainStep, ...] | None:
    """Everything that happened with a command so far, in order. None: the log does not have it."""
    entries = await log.history(tx, tenant=tenant, name=name)
    changes = [LoggedChange(each.key, each.time, from_snapshot(each.snapshot)) for each in entries]
    if not changes:
        return None
    frames = await sends.by_command(tx, tenant, name)
    newest = changes[-1]
    ended = max(newest.time, newest.command.outcome_time or newest.time)
    over = ended if newest.command.state is State.DONE else _FAR_AWAY
    evse_id = next((frame.evse_id for frame in frames), None)
    theirs = await told_beside(
        tx, newest.command.station, evse_id, newest.command.create_time, over
    )
    return explain(
        changes,
        frames,
        await notes.by_command(tx, tenant, name),
        [each for each in theirs if each.tenant == tenant],
    )
