"""An operator opens the Temporal web UI and reads there how a reservation stands."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client as TemporalClient

from broker.process import running_broker
from broker.settings import BrokerSettings
from entrypoints.temporal.binary import find_temporal
from entrypoints.temporal.dev_server import DevServerOptions, TemporalAddress, running_dev_server
from fleet.database import Database
from simulator.config import Cable, StationConfig
from simulator.station import SimulatedStation
from station_gateway.process import running_gateway
from station_gateway.settings import GatewaySettings
from tests.e2e.browser import Page, opened_page
from tests.support.client import Client, client_of
from workflows.registration import register_search_attributes
from workflows.worker import running_worker

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

TOKEN = "SECRET-DRIVER-4711"


@dataclass
class Shown:
    """A held reservation, and where it is shown."""

    temporal: TemporalAddress
    client: TemporalClient
    broker: Client
    station: str
    reservation: str

    async def page_of(self, tab: str) -> str:
        """The address of a tab of the reservation's workflow."""
        known = await self.broker.reservation(self.reservation)
        handle = self.client.get_workflow_handle(known.workflow_id)
        run = (await handle.describe()).run_id
        return f"{self.temporal.workflow_url(known.workflow_id)}/{run}/{tab}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shown(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shown]:
    """Everything that runs, with Temporal's web UI, and a station that holds a place."""
    home: Path = tmp_path_factory.mktemp("web-ui")
    async with AsyncExitStack() as stack:
        options = DevServerOptions(home / "temporal.log", ui=True)
        binary = await asyncio.to_thread(find_temporal, lambda _: None)
        temporal = await stack.enter_async_context(
            running_dev_server(binary, options, lambda _: None)
        )
        client = await TemporalClient.connect(temporal.address)
        await register_search_attributes(client)
        db = await Database.open(f"sqlite:///{home / 'fleet.sqlite'}")
        stack.push_async_callback(db.close)
        await stack.enter_async_context(running_worker(db, client))
        gateway = await stack.enter_async_context(
            running_gateway(db, client, GatewaySettings(port=0, open=True, drain_timeout_s=1.0))
        )
        settings = BrokerSettings(listen="127.0.0.1:0", drain_s=1.0)
        served = await stack.enter_async_context(running_broker(db, client, settings))
        broker = await stack.enter_async_context(client_of(served.address))
        name = f"CP-{uuid.uuid4().hex[:8]}"
        config = StationConfig(
            name, f"ws://{gateway.address}/ocpp", version="2.0.1", cable=Cable.NEVER
        )
        await stack.enter_async_context(SimulatedStation(config))
        await broker.station_is_ready(name)
        command = await broker.reserve(name, evse_id=1, token=TOKEN, ttl_s=3600)
        reservation = command.reserve_now.reservation
        await broker.reservation_is(reservation, "HELD")
        yield Shown(temporal, client, broker, name, reservation)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def page() -> AsyncIterator[Page]:
    """A headless browser."""
    async with opened_page() as page:
        yield page


async def test_the_web_ui_shows_station_evse_holder_expiry_and_state_of_a_held_reservation(
    shown: Shown, page: Page
) -> None:
    known = await shown.broker.reservation(shown.reservation)
    await page.open(await shown.page_of("user-metadata"))
    text = await page.reads(
        "State: HELD",
        f"Station: {shown.station}",
        "EVSE: 1",
        "Holder: ****4711",
        f"Expires: {known.expire_time.ToDatetime():%Y-%m-%d %H:%M:%S} UTC",
    )
    assert TOKEN not in text


async def test_the_web_ui_finds_held_reservations_of_a_station(shown: Shown, page: Page) -> None:
    query = f"%60EvKind%60%3D%22RESERVATION%22+AND+%60EvStation%60%3D%22{shown.station}%22"
    await page.open(f"{shown.temporal.ui}/namespaces/default/workflows?query={query}")
    identity = shown.reservation.removeprefix("reservations/")
    await page.reads("1 Running", identity)
