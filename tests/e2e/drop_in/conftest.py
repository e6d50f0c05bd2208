"""A fleet of real processes in front of a back end (CSMS) with a mind of its own."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.client import Client, client_of
from tests.support.processes import Fleet, running_fleet
from tests.support.relay.commanding_back_end import CommandingBackEnd

HOLD_S = 5.0
"""How long a CALL of the back end may wait because of us; in production it is 25 s."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def csms() -> AsyncIterator[CommandingBackEnd]:
    """The back end behind the fleet, for stations of every version."""
    back_end = CommandingBackEnd()
    async with back_end.running("ocpp2.1", "ocpp2.0.1", "ocpp1.6"):
        yield back_end


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def fleet(
    tmp_path_factory: pytest.TempPathFactory, csms: CommandingBackEnd
) -> AsyncIterator[Fleet]:
    """Temporal, broker, worker and gateway, which relays every station."""
    environment = {
        "EVCOMMAND_GATEWAY_UPSTREAM_URL": csms.url,
        "EVCOMMAND_GATEWAY_UPSTREAM_MODE": "command",
        "EVCOMMAND_GATEWAY_UPSTREAM_HOLD_S": str(HOLD_S),
    }
    async with running_fleet(tmp_path_factory.mktemp("relaying"), environment) as fleet:
        yield fleet


@pytest_asyncio.fixture(loop_scope="session")
async def client(fleet: Fleet) -> AsyncIterator[Client]:
    """A gRPC client of the broker."""
    async with client_of(fleet.grpc_address) as client:
        yield client
