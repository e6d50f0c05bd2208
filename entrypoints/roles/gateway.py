"""The gateway's part of a process."""

from contextlib import AsyncExitStack

from temporalio.client import Client

from entrypoints.listening import joined, start_errors
from entrypoints.settings import ChosenSettings, split_address
from fleet.database import Database
from journal.clock import Clock
from station_gateway.process import running_gateway


async def start(
    stack: AsyncExitStack, db: Database, client: Client, settings: ChosenSettings, clock: Clock
) -> str:
    """Starts a gateway that ends with the stack. Returns where stations connect.

    Raises: CannotStart when it cannot listen there.
    """
    with start_errors("ocpp_listen", settings.ocpp_listen):
        gateway = await stack.enter_async_context(
            running_gateway(db, client, settings.gateway(), clock)
        )
    host, _ = split_address(settings.ocpp_listen)
    return joined(host, gateway.port)
