"""Puts the start of the workflow that posts a command's news, or events, into the outbox.

This happens in the transaction that writes the news, so that no news are without their post.
"""

from datetime import datetime

from contract.names import (
    CALLBACK_WORKFLOW,
    COMMANDS_QUEUE,
    EVENT_POSTS_WORKFLOW,
    STATION_ATTRIBUTE,
    TENANT_ATTRIBUTE,
    callback_workflow_id,
    event_posts_workflow_id,
)
from domain.callbacks import news_of
from domain.commands.wording import brief
from domain.model.command import Command
from fleet import wakeups
from fleet.engine.statements import Tx
from fleet.event_posts import EventDelivery
from fleet.wakeups import Start

_OF_THREAD = ("tenant", "thread", "caller", "subject", "resource", "station")
"""What the workflow that posts events is told: the fields of `EventPostsInput`."""


async def wake_if_news(tx: Tx, before: Command | None, after: Command, now: datetime) -> None:
    """Wakes the callback workflow, when the command's callback asked for this change.

    before: the command before the change; None for its first record.
    """
    if after.callback is not None and news_of(after.callback, before, after) is not None:
        await wake_callback(tx, after, "news", now)


async def wake_callback(tx: Tx, command: Command, reason: str, now: datetime) -> None:
    """Wakes the callback workflow of a command, or starts it where none is running."""
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


async def wake_event_posts(tx: Tx, row: EventDelivery, reason: str, now: datetime) -> None:
    """Wakes the workflow that posts this event, or starts it where none is running."""
    argument = {name: getattr(row, name) for name in _OF_THREAD}
    of_station = {STATION_ATTRIBUTE: row.station} if row.station else {}  # a booking has a pool
    start = Start(
        workflow=EVENT_POSTS_WORKFLOW,
        queue=COMMANDS_QUEUE,
        argument=argument,
        attributes=of_station | {TENANT_ATTRIBUTE: row.tenant},
        summary=brief(f"Events of {row.subject} {row.resource} for {row.caller or 'anybody'}"),
    )
    workflow_id = event_posts_workflow_id(row.tenant, row.subject, row.thread)
    await wakeups.add(tx, workflow_id, reason, now, start)
