"""Command workflows against servers: one that skips time, and a real one for costs and races."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from contract.converter import DATA_CONVERTER
from entrypoints.temporal.binary import find_temporal
from entrypoints.temporal.dev_server import DevServerOptions, running_dev_server
from fleet.database import Database
from tests.support.benches.command_bench import Bench
from tests.support.benches.sandbox import prepared_once
from tests.support.databases import new_sqlite
from tests.support.servers import time_skipping_server
from workflows.registration import register_search_attributes
from workflows.settings import WorkerSettings
from workflows.worker import running_worker

TIME_MOVES_S = 5.0
"""A server that takes longer to skip twice this time stands still."""


@pytest.fixture(scope="session", autouse=True)
def each_workflow_prepared_once() -> Iterator[None]:
    """Every test has a worker of its own, which would try all workflows in the sandbox again."""
    with prepared_once():
        yield


@asynccontextmanager
async def _running(
    client: Client,
    db: Database,
    now: Callable[[], Awaitable[datetime]],
    skip: Callable[[float], Awaitable[None]],
    story: str,
    *,
    has_line: bool = False,
) -> AsyncIterator[Bench]:
    bench = Bench(client, db, now, skip, has_line=has_line)
    bench.story = story.removeprefix("test_")
    async with running_worker(db, client, WorkerSettings(sandbox=True)), bench.running():
        yield bench


class SkippingServer:
    """A server that skips time while a test waits for a workflow's end, or sleeps.

    Its time stands still for ever when a workflow was ended while an activity of it was out
    (temporalio/sdk-java#1138). Then the next test gets another server, and is not blamed for it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._environment: WorkflowEnvironment | None = None

    async def ready(self) -> WorkflowEnvironment:
        """A server whose time moves. Raises: TimeoutError when that of a new one does not."""
        if self._environment is not None:
            with contextlib.suppress(TimeoutError):
                return await self._moving(self._environment)
            await self.stop()
        self._environment = await WorkflowEnvironment.start_time_skipping(
            test_server_existing_path=str(self._path), data_converter=DATA_CONVERTER
        )
        await register_search_attributes(self._environment.client)
        return await self._moving(self._environment)

    async def stop(self) -> None:
        if self._environment is not None:
            await self._environment.shutdown()
            self._environment = None

    async def _moving(self, environment: WorkflowEnvironment) -> WorkflowEnvironment:
        async with asyncio.timeout(TIME_MOVES_S):
            await environment.sleep(2 * TIME_MOVES_S)
        return environment


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def skipping_server() -> AsyncIterator[SkippingServer]:
    """The server of this process."""
    server = SkippingServer(await asyncio.to_thread(time_skipping_server))
    yield server
    await server.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def skipping(skipping_server: SkippingServer) -> WorkflowEnvironment:
    """A server whose time skips."""
    return await skipping_server.ready()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def real_client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    """A client of a real dev server."""
    folder = tmp_path_factory.mktemp("temporal")
    options = DevServerOptions(log_file=folder / "temporal.log", ui=False)
    binary = await asyncio.to_thread(find_temporal, lambda _: None)
    async with running_dev_server(binary, options, lambda _: None) as where:
        client = await Client.connect(where.address, data_converter=DATA_CONVERTER)
        await register_search_attributes(client)
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A fresh SQLite fleet."""
    db = await Database.open(await new_sqlite(tmp_path / "fleet.sqlite"), migrate=False)
    yield db
    await db.close()


@pytest_asyncio.fixture(loop_scope="session")
async def bench(
    skipping: WorkflowEnvironment, database: Database, request: pytest.FixtureRequest
) -> AsyncIterator[Bench]:
    """A station on the time-skipping server."""
    environment = skipping
    async with _running(
        environment.client,
        database,
        environment.get_current_time,
        environment.sleep,
        request.node.originalname,
    ) as bench:
        yield bench


@pytest_asyncio.fixture(loop_scope="session")
async def real_bench(
    real_client: Client, database: Database, request: pytest.FixtureRequest
) -> AsyncIterator[Bench]:
    """A station on the real server."""

    async def now() -> datetime:
        return datetime.now(UTC)

    async with _running(
        real_client, database, now, asyncio.sleep, request.node.originalname
    ) as bench:
        yield bench


@pytest_asyncio.fixture(loop_scope="session")
async def direct_bench(
    real_client: Client, database: Database, request: pytest.FixtureRequest
) -> AsyncIterator[Bench]:
    """A station on the real server, whose gateway has a direct line."""

    async def now() -> datetime:
        return datetime.now(UTC)

    story = request.node.originalname
    async with _running(real_client, database, now, asyncio.sleep, story, has_line=True) as bench:
        yield bench
