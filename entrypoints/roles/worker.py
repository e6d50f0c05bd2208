"""The worker's part of a process."""

from contextlib import AsyncExitStack

from temporalio.client import Client

from entrypoints.settings import ChosenSettings
from fleet.database import Database
from journal.clock import Clock
from journal.retention import Retention
from telemetry.supervision import background
from workflows.worker import running_worker


async def start(
    stack: AsyncExitStack, db: Database, client: Client, settings: ChosenSettings, clock: Clock
) -> None:
    """Starts a worker that ends with the stack, and the task that deletes what is too old."""
    retention = Retention(db, settings.retention(), clock)
    await stack.enter_async_context(background("retention", retention.run))
    await stack.enter_async_context(
        running_worker(db, client, settings.worker(), settings.timing(), clock)
    )
