"""One house for all tests of the broker; every test has stations of its own."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.client import Client

from broker.process import running_broker
from broker.settings import BrokerSettings
from contract.converter import DATA_CONVERTER
from entrypoints.temporal.binary import find_temporal
from entrypoints.temporal.dev_server import DevServerOptions, running_dev_server
from fleet.database import Database
from station_gateway.process import running_gateway
from station_gateway.settings import GatewaySettings
from tests.support.benches.broker_house import House, dialled
from tests.support.databases import new_sqlite
from workflows.registration import register_search_attributes
from workflows.worker import running_worker


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def temporal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The address of a Temporal dev server."""
    log_file = tmp_path_factory.mktemp("temporal") / "temporal.log"
    options = DevServerOptions(log_file, ui=False)
    binary = await asyncio.to_thread(find_temporal, lambda _: None)
    async with running_dev_server(binary, options, lambda _: None) as where:
        yield where.address


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def client(temporal: str) -> Client:
    """A client of the dev server, its search attributes registered."""
    client = await Client.connect(temporal, data_converter=DATA_CONVERTER)
    await register_search_attributes(client)
    return client


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def db(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Database]:
    """The fleet of the house."""
    path = tmp_path_factory.mktemp("fleet") / "fleet.sqlite"
    database = await Database.open(await new_sqlite(path), migrate=False)
    yield database
    await database.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(client: Client, db: Database) -> AsyncIterator[House]:
    """Everything that runs."""
    gateway_settings = GatewaySettings(
        port=0, open=True, drain_timeout_s=1.0, housekeeping_delay_s=3600
    )
    async with (
        running_worker(db, client),
        running_gateway(db, client, gateway_settings) as gateway,
        running_broker(
            db,
            client,
            BrokerSettings(listen="127.0.0.1:0", drain_s=1.0, callback_allow_private=True),
        ) as broker,
        dialled(broker.address) as dialled_broker,
    ):
        yield House(dialled_broker, db, gateway.port, broker.address)
