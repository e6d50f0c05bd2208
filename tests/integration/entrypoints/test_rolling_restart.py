"""A rolling restart of everything under a stream of commands: none is lost, none is unknown.

The processes are parts of the test's own process: each has its own database pool, its own client of
Temporal and its own servers, put together and drained as `evcommand` does it.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from entrypoints.processes import ListenAddresses, Role, running
from entrypoints.settings import ChosenSettings, Settings
from entrypoints.temporal.binary import find_temporal
from entrypoints.temporal.client import TemporalTarget
from entrypoints.temporal.dev_server import DevServerOptions, running_dev_server
from simulator.config import StationConfig
from simulator.station import SimulatedStation
from tests.support.client import Client, WaitFor, client_of, code_of
from tests.support.databases import new_sqlite
from tests.support.ports import steady_port
from tests.support.stations.balancer import Balancer
from tests.support.stations.stepped_station import SteppedStation

STATIONS = 2


class Part:
    """One role of the fleet, started and stopped like a process."""

    def __init__(self, role: Role, settings: ChosenSettings, target: TemporalTarget) -> None:
        self._role, self._settings, self._target = role, settings, target
        self._stop = asyncio.Event()
        self._ready: asyncio.Future[ListenAddresses]
        self._living: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Starts it and waits until it is ready."""
        self._stop.clear()
        self._ready = asyncio.get_running_loop().create_future()
        self._living = asyncio.create_task(self._live())
        begun: list[asyncio.Future[Any]] = [self._living, self._ready]
        await asyncio.wait(begun, return_when=asyncio.FIRST_COMPLETED)
        if self._living.done():
            self._living.result()

    async def stop(self) -> None:
        """Drains it."""
        self._stop.set()
        living, self._living = self._living, None
        if living is not None:
            await living

    async def _live(self) -> None:
        async with running(self._settings, (self._role,), self._target) as where:
            self._ready.set_result(where)
            await self._stop.wait()


class Fleet:
    """Broker, worker, two gateways, and a balancer that prefers the first of these."""

    def __init__(self, home: Path, target: TemporalTarget) -> None:
        self.grpc = f"127.0.0.1:{steady_port()}"
        ocpp = [f"127.0.0.1:{steady_port()}" for _ in range(2)]
        common: dict[str, Any] = {
            "grpc_listen": self.grpc,
            "database_url": f"sqlite:///{home / 'fleet.sqlite'}",
            "open": True,
            "timing_answer_timeout_s": 120.0,
            "gateway_drain_timeout_s": 120.0,
        }
        settings = [Settings(**common, ocpp_listen=address) for address in ocpp]
        self.first, self.second = (Part(Role.GATEWAY, each, target) for each in settings)
        self.worker, self.broker = (
            Part(role, settings[0], target) for role in (Role.WORKER, Role.BROKER)
        )
        self.balancer = Balancer(ocpp)

    @property
    def parts(self) -> tuple[Part, ...]:
        """In the order in which they are upgraded."""
        return (self.worker, self.first, self.second, self.broker)

    @property
    def url(self) -> str:
        """What a station is configured with."""
        return f"ws://{self.balancer.address}/ocpp"


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    """A fleet that runs."""
    await new_sqlite(tmp_path / "fleet.sqlite")
    binary = await asyncio.to_thread(find_temporal, lambda _: None)
    options = DevServerOptions(tmp_path / "temporal.log", ui=False)
    async with running_dev_server(binary, options, lambda _: None) as where:
        fleet = Fleet(tmp_path, TemporalTarget(where.address, "default", {}))
        async with fleet.balancer:
            for part in fleet.parts:
                await part.start()
            yield fleet
            for part in reversed(fleet.parts):
                await part.stop()


class Stream:
    """One driver after another at one station: each starts a session and stops it."""

    def __init__(self, client: Client, station: str) -> None:
        self._client, self._station = client, station
        self._is_over, self._left = False, asyncio.Event()
        self.codes: list[str] = []
        self._running = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while not self._is_over:
            started = await self._client.start(self._station)
            await self._note(started.name)
            stopped = await self._client.stop(station=f"stations/{self._station}", evse_id=1)
            await self._note(stopped.name)
            self._left.set()

    async def _note(self, command: str) -> None:
        ended = await self._client.done(command)
        self.codes.append(f"{code_of(ended)} {ended.outcome.cause}")

    async def whole_driver(self) -> None:
        """Waits until a driver has left who came after this call. Raises: what ended them."""
        for _ in range(2):
            self._left.clear()
            leaving = asyncio.create_task(self._left.wait())
            await asyncio.wait([leaving, self._running], return_when=asyncio.FIRST_COMPLETED)
            if self._running.done():
                leaving.cancel()
                await self._running

    async def end(self) -> list[str]:
        """Ends with the present driver. Returns how all commands ended."""
        self._is_over = True
        await self._running
        return self.codes


async def drivers_at(fleet: Fleet, client: Client, stack: AsyncExitStack, number: int) -> Stream:
    """A station, and drivers who come to it."""
    config = StationConfig(
        f"CP-{uuid.uuid4().hex[:8]}",
        fleet.url,
        version=("1.6", "2.0.1")[number % 2],
        plug_delay_s=0.1,
        connection_timeout_s=60.0,
        reconnect_s=0.5,
    )
    await stack.enter_async_context(SimulatedStation(config))
    await client.station_is_ready(config.id)
    return Stream(client, config.id)


async def drains_past(
    silent: SteppedStation, fleet: Fleet, client: Client, streams: list[Stream]
) -> None:
    """The first gateway drains while a station is silent, and the others go on elsewhere."""
    command = await client.start(silent.id, wait_for=WaitFor.WAIT_FOR_SUBMITTED)
    await silent.hears_start()
    stopping = asyncio.create_task(fleet.first.stop())
    await asyncio.gather(*(stream.whole_driver() for stream in streams))
    assert not stopping.done()  # it waits for the silent station
    silent.may_answer_start.set()
    await stopping
    await silent.begins_session()
    assert code_of(await client.done(command.name)) == "SUCCEEDED"
    await fleet.first.start()


async def test_no_command_is_lost_by_a_rolling_restart_of_everything(fleet: Fleet) -> None:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(client_of(fleet.grpc))
        streams = [await drivers_at(fleet, client, stack, number) for number in range(STATIONS)]
        silent = SteppedStation(f"CP-{uuid.uuid4().hex[:8]}", fleet.url, "1.6")
        await stack.enter_async_context(silent)
        await client.station_is_ready(silent.id)
        await drains_past(silent, fleet, client, streams)
        for part in (fleet.second, fleet.worker, fleet.broker):
            await part.stop()
            await part.start()
            await asyncio.gather(*(stream.whole_driver() for stream in streams))
        ended = [code for stream in streams for code in await stream.end()]
    assert {code.split()[0] for code in ended} == {"SUCCEEDED"}, ended
