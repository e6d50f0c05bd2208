"""One fleet and one story for all tests that read logs, metrics and traces."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.telemetry.collector import running_collector
from tests.e2e.telemetry.house import Story, Watched, told_story, watched_fleet


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    """Broker, worker and gateway as processes, a collector, and their metrics endpoints."""
    home = tmp_path_factory.mktemp("watched")
    with running_collector() as collector:
        async with watched_fleet(home, collector) as watched:
            yield watched


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def story(watched: Watched) -> Story:
    """What has happened in the fleet."""
    return await told_story(watched)
