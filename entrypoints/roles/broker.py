"""The broker's part of a process."""

from contextlib import AsyncExitStack

from temporalio.client import Client

from broker.process import running_broker
from entrypoints.listening import start_errors
from entrypoints.settings import ChosenSettings
from fleet.database import Database
from journal.clock import Clock


async def start(
    stack: AsyncExitStack, db: Database, client: Client, settings: ChosenSettings, clock: Clock
) -> str:
    """Starts a broker that ends with the stack. Returns where it serves gRPC.

    Raises: CannotStart when it cannot listen there.
    """
    with start_errors("grpc_listen", settings.grpc_listen):
        broker = await stack.enter_async_context(
            running_broker(db, client, settings.broker(), clock)
        )
    return broker.address
