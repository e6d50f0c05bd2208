"""Puts a gateway process together: the gateway, and a worker on the task queue of this process."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import Worker

from contract.names import gateway_queue
from contract.polls import polls
from fleet.database import Database
from fleet.keys import load_line_key, load_passwords, load_sealer
from journal.clock import Clock, system_clock
from journal.wakeups import WakeupDispatcher
from station_gateway.gateway import Gateway
from station_gateway.settings import GatewaySettings
from telemetry.build import build_id
from telemetry.supervision import background


@asynccontextmanager
async def running_gateway(
    db: Database, client: Client, settings: GatewaySettings, clock: Clock = system_clock
) -> AsyncIterator[Gateway]:
    """Run a gateway until the block ends, then drain it. clock: of all that it writes.

    Raises:
        UnsafeStationListener: see `GatewaySettings.check`.
    """
    dispatcher = WakeupDispatcher(db, client, clock=clock)
    gateway = Gateway(
        db,
        await load_sealer(db),
        await load_passwords(db),
        dispatcher,
        settings,
        line_key=await load_line_key(db),
        utc_now=clock,
    )
    worker = Worker(
        client,
        task_queue=gateway_queue(gateway.gateway_id),
        build_id=build_id(),
        activities=[gateway.activities.send_frame, gateway.activities.ask_station],
        max_concurrent_activities=settings.max_activities,
        activity_task_poller_behavior=polls(settings.max_polls),
        graceful_shutdown_timeout=timedelta(seconds=settings.drain_timeout_s),
    )
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(background("wake-ups", dispatcher.run))
        await stack.enter_async_context(worker)
        stack.push_async_callback(gateway.activities.finish, settings.close_timeout_s)
        stack.push_async_callback(gateway.drain)
        await gateway.start()
        yield gateway
