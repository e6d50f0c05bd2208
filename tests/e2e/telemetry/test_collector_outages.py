"""Neither commands nor the end of a process wait for a collector that hangs or is gone."""

import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest
import pytest_asyncio

from simulator.config import Cable, StationConfig
from simulator.station import SimulatedStation
from tests.e2e.telemetry.collector import silent_collector
from tests.support.client import client_of, code_of
from tests.support.processes import Fleet, running_fleet

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

NOT_NOTICED_S = 5.0
"""Half of the time that an exporter waits for its collector."""


@pytest.fixture(scope="module")
def collector() -> Iterator[ExitStack]:
    """Takes connections and is silent, until it is closed."""
    with ExitStack() as stack:
        yield stack


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def fleet(
    tmp_path_factory: pytest.TempPathFactory, collector: ExitStack
) -> AsyncIterator[Fleet]:
    """Exports each span at once, to that collector."""
    endpoint = collector.enter_context(silent_collector())
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": "10"}
    async with running_fleet(tmp_path_factory.mktemp("unseen"), environment) as fleet:
        yield fleet


async def start_takes_s(fleet: Fleet) -> float:
    """How long a start takes to its outcome, which is success."""
    config = StationConfig(f"CP-{uuid.uuid4().hex[:8]}", fleet.ocpp_url, cable=Cable.FIRST)
    async with SimulatedStation(config) as station, client_of(fleet.grpc_address) as client:
        await station.until(lambda: station.booted)
        began = time.monotonic()
        command = await client.start(config.id)
        took = time.monotonic() - began
    assert code_of(command) == "SUCCEEDED"
    assert len(command.trace_id) == 32
    return took


async def test_commands_do_not_notice_a_collector_that_hangs(fleet: Fleet) -> None:
    for _ in range(3):
        assert await start_takes_s(fleet) < NOT_NOTICED_S


async def test_commands_do_not_notice_a_collector_that_is_gone(
    fleet: Fleet, collector: ExitStack
) -> None:
    collector.close()
    for _ in range(3):
        assert await start_takes_s(fleet) < NOT_NOTICED_S


async def test_processes_end_in_time_without_a_collector(fleet: Fleet) -> None:
    began = time.monotonic()
    assert await fleet.worker.stop() == 0
    assert time.monotonic() - began < 2 * NOT_NOTICED_S
