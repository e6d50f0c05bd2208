"""Commands submitted to the workers of a fleet of processes, and read from its log."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy

from fleet import log
from fleet.database import Database
from tests.support.processes import Fleet
from workflows import names
from workflows.contract import CommandOrder, Ended, Progress, Submit
from workflows.domain.model import (
    Command,
    Kind,
    OfflinePolicy,
    ResetMode,
    ResetSpec,
    State,
    UnlockSpec,
    WaitFor,
)
from workflows.domain.timing import Timing
from workflows.recorder import from_snapshot

TENANT = "default"
PATIENCE_S = 90.0


class DirectCommands:
    """Update-with-Start as the broker does it, without a broker in between."""

    def __init__(self, client: Client, db: Database) -> None:
        self._client = client
        self._db = db
        self._timing = Timing(answer_timeout_s=10, effect_margin_s=2)

    async def unlock_stopping_first(self, station: str) -> Command:
        """An UnlockConnector of EVSE 1 with stop_first."""
        command = _command(Kind.UNLOCK_CONNECTOR, station)
        return await self._submit(replace(command, unlock=UnlockSpec(1, 1, stop_first=True)))

    async def reset(self, station: str) -> Command:
        """A Reset of the whole station."""
        command = _command(Kind.RESET, station)
        return await self._submit(replace(command, reset=ResetSpec(ResetMode.HARD)))

    async def _submit(self, command: Command) -> Command:
        operation: WithStartWorkflowOperation[Any, Ended] = WithStartWorkflowOperation(
            names.COMMAND_WORKFLOW,
            CommandOrder(command, self._timing),
            id=command.workflow_id,
            task_queue=names.COMMANDS_QUEUE,
            result_type=Ended,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
        await self._client.execute_update_with_start_workflow(
            names.SUBMIT_UPDATE,
            Submit(WaitFor.SUBMITTED),
            start_workflow_operation=operation,
            id="submit",
            result_type=Progress,
        )
        return command

    async def seen(self, command: Command) -> Command:
        """The command as the log shows it."""
        async with self._db.read() as tx:
            entry = await log.latest(tx, tenant=TENANT, name=command.name)
        assert entry is not None
        return from_snapshot(entry.snapshot)

    async def until(self, command: Command, words: str) -> None:
        """Waits until the command's progress has these words."""
        async with asyncio.timeout(PATIENCE_S):
            while words not in (await self.seen(command)).progress:
                await asyncio.sleep(0.02)

    async def done(self, command: Command) -> Command:
        """Waits until the command ended."""
        async with asyncio.timeout(PATIENCE_S):
            while (seen := await self.seen(command)).state is not State.DONE:
                await asyncio.sleep(0.05)
        return seen


def _command(kind: Kind, station: str) -> Command:
    now, name = datetime.now(UTC), str(uuid.uuid4())
    return Command(
        name=name,
        tenant=TENANT,
        kind=kind,
        station=station,
        state=State.QUEUED,
        create_time=now,
        not_after=now + timedelta(minutes=5),
        workflow_id=names.command_workflow_id(TENANT, name),
        offline_policy=OfflinePolicy.WAIT,
    )


@asynccontextmanager
async def direct_commands(fleet: Fleet) -> AsyncIterator[DirectCommands]:
    """Beside the processes of a fleet, on its Temporal and its database."""
    client = await Client.connect(f"127.0.0.1:{fleet.temporal.port}")
    db = await Database.open(fleet.database_url)
    try:
        yield DirectCommands(client, db)
    finally:
        await db.close()
