"""One fleet of processes in front of one back end; each test has its own stations."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from fleet.database import Database
from tests.chaos.network import Link, unix
from tests.support.client import Client, client_of
from tests.support.databases import Postgres, running_postgres
from tests.support.processes import Fleet, running_fleet
from tests.support.relay.csms import Csms

CABLE_S, MARGIN_S, LEASE_S = 1, 8, 3

SETTINGS = {
    "EVCOMMAND_GATEWAY_UPSTREAM_MODE": "command",
    "EVCOMMAND_GATEWAY_HOUSEKEEPING_DELAY_S": "600",
    "EVCOMMAND_GATEWAY_RECONNECTS_PER_HOUR": "10000",
    "EVCOMMAND_TIMING_CONNECTION_TIMEOUT_S": str(CABLE_S),
    "EVCOMMAND_TIMING_EFFECT_MARGIN_S": str(MARGIN_S),
    "EVCOMMAND_GATEWAY_LEASE_S": str(LEASE_S),
    "EVCOMMAND_GATEWAY_LEASE_RENEWAL_S": "0.5",
}
"""A start that nobody told of is judged soon, but not before a station on busy cores tells it."""


@dataclass
class Relayed:
    """The fleet, what it stands before, its database, and the network that leads to that."""

    fleet: Fleet
    csms: Csms
    db: Database
    to_database: Link


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def relayed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Relayed]:
    """Temporal, broker, worker and gateway, and the back end behind the gateway."""
    with running_postgres() as server:
        async with running(server, tmp_path_factory.mktemp("relayed")) as relayed:
            yield relayed


@asynccontextmanager
async def running(postgres_server: Postgres, home: Path) -> AsyncIterator[Relayed]:
    """All of it, with its files in `home`."""
    socket = unix(f"{postgres_server.socket_dir}/.s.PGSQL.5432")
    async with postgres_server.fresh() as url, Link(socket) as link, Csms() as csms:
        name = url.partition("?")[0].rpartition("/")[2]
        environment = {
            **SETTINGS,
            "EVCOMMAND_DATABASE_URL": f"postgresql://postgres@{link.address}/{name}",
            "EVCOMMAND_GATEWAY_UPSTREAM_URL": csms.url,
        }
        db = await Database.open(url, migrate=False)
        try:
            async with running_fleet(home, environment) as fleet:
                yield Relayed(fleet, csms, db, link)
        finally:
            await db.close()


@pytest_asyncio.fixture(loop_scope="session")
async def client(relayed: Relayed) -> AsyncIterator[Client]:
    """A gRPC client of the broker."""
    async with client_of(relayed.fleet.grpc_address) as client:
        yield client
