"""An operator opens the Temporal web UI and reads there how reservations and commands stand."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from evcommand.v1.command_options_pb2 import OfflinePolicy, WaitFor
from evcommand.v1.remote_command_pb2 import RemoteCommand
from temporalio.client import Client as TemporalClient

from broker.process import running_broker
from broker.settings import BrokerSettings
from entrypoints.commands.views import links
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
    ocpp: str
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
        yield Shown(temporal, client, broker, gateway.address, name, reservation)


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


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def waiting(shown: Shown) -> RemoteCommand:
    """A start that waits for its station, which has been connected and is gone."""
    name = f"GONE-{uuid.uuid4().hex[:8]}"
    url = f"ws://{shown.ocpp}/ocpp"
    async with SimulatedStation(StationConfig(name, url, version="1.6")):
        await shown.broker.station_is_ready(name)
    command = await shown.broker.start(
        name,
        token=TOKEN,
        wait_for=WaitFor.WAIT_FOR_SUBMITTED,
        offline_policy=OfflinePolicy.OFFLINE_POLICY_WAIT,
    )
    await shown.broker.progress(command.name, "waiting for it to connect")
    return await shown.broker.get(command.name)


async def test_a_link_of_a_view_lists_its_commands_by_kind_and_offers_to_keep_the_view(
    shown: Shown, page: Page, waiting: RemoteCommand
) -> None:
    station = waiting.station.removeprefix("stations/")
    views = links(shown.temporal.ui, "default", station)
    for view in ("Waiting for offline stations", f"Station {station}"):
        await page.open(views[view])
        await page.reads(view, "StartSession", waiting.name.removeprefix("commands/"))
    await page.open(views["On guard"])
    await page.reads("On guard", "No Workflows")


async def test_the_page_of_a_command_says_what_it_waits_for_and_no_token(
    shown: Shown, page: Page, waiting: RemoteCommand
) -> None:
    handle = shown.client.get_workflow_handle(waiting.workflow_id)
    run = (await handle.describe()).run_id
    await page.open(f"{shown.temporal.workflow_url(waiting.workflow_id)}/{run}/user-metadata")
    text = await page.reads(
        "StartSession", waiting.station.removeprefix("stations/"), "waiting for it to connect"
    )
    assert TOKEN not in text
