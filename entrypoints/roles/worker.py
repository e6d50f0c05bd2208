"""The worker's part of a process."""

from contextlib import AsyncExitStack

from temporalio.client import Client

from entrypoints.settings import ChosenSettings
from fleet.database import Database
from workflows.worker import running_worker


async def start(
    stack: AsyncExitStack, db: Database, client: Client, settings: ChosenSettings
) -> None:
    """Starts a worker that ends with the stack."""
    await stack.enter_async_context(
        running_worker(db, client, settings.worker(), settings.timing())
    )
