"""One fleet of real processes for the tests of a module; each test has its own stations."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.client import Client, client_of
from tests.support.processes import Fleet, running_fleet


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def fleet(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """Temporal, broker, worker and gateway as processes."""
    home: Path = tmp_path_factory.mktemp("fleet")
    async with running_fleet(home) as fleet:
        yield fleet


@pytest_asyncio.fixture(loop_scope="session")
async def client(fleet: Fleet) -> AsyncIterator[Client]:
    """A gRPC client of the broker."""
    async with client_of(fleet.grpc_address) as client:
        yield client
