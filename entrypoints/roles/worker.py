"""The worker's part of a process."""

from contextlib import AsyncExitStack

from temporalio.client import Client

from entrypoints.errors import CannotStart
from entrypoints.settings import ChosenSettings
from fleet.database import Database
from journal.clock import Clock
from journal.retention import Retention
from telemetry.certificates import UnusableTlsFiles
from telemetry.supervision import background
from workflows.worker import running_worker


async def start(
    stack: AsyncExitStack, db: Database, client: Client, settings: ChosenSettings, clock: Clock
) -> None:
    """Starts a worker that ends with the stack, and the task that deletes what is too old.

    Raises: CannotStart when the certificates for direct lines cannot be used.
    """
    retention = Retention(db, settings.retention(), clock)
    await stack.enter_async_context(background("retention", retention.run))
    worker = running_worker(db, client, settings.worker(), settings.timing(), clock)
    try:
        await stack.enter_async_context(worker)
    except UnusableTlsFiles as error:
        raise CannotStart(str(error)) from error
