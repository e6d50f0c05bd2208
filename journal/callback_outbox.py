"""Starts and wakes the workflow that posts a command's news, in the transaction of the news."""

from datetime import datetime

from contract.names import (
    CALLBACK_WORKFLOW,
    COMMANDS_QUEUE,
    STATION_ATTRIBUTE,
    TENANT_ATTRIBUTE,
    callback_workflow_id,
)
from domain.callbacks import news_of
from domain.model.command import Command
from fleet import wakeups
from fleet.engine.statements import Tx
from fleet.wakeups import Start


async def note(tx: Tx, before: Command | None, after: Command, now: datetime) -> None:
    """A change of a command was written: when its callback asked for it, it is to be posted."""
    if after.callback is not None and news_of(after.callback, before, after) is not None:
        await wake(tx, after, "news", now)


async def wake(tx: Tx, command: Command, reason: str, now: datetime) -> None:
    """The command's deliveries must be looked at."""
    start = Start(
        workflow=CALLBACK_WORKFLOW,
        queue=COMMANDS_QUEUE,
        argument={
            "tenant": command.tenant,
            "command": command.name,
            "station": command.station,
        },
        attributes={STATION_ATTRIBUTE: command.station, TENANT_ATTRIBUTE: command.tenant},
        summary=f"Callbacks of {command.kind.value} at {command.station}",
    )
    workflow_id = callback_workflow_id(command.tenant, command.name)
    await wakeups.add(tx, workflow_id, reason, now, start)
