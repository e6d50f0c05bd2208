"""Added latency: from the call to the frame on the wire, and from the answer to the reply.

Ours is `evcommand up` with default settings; the reference is the naive shape in a process of its
own. Both use the same Temporal server on PostgreSQL. They take turns, call by call. One process is
the caller and the stations, so that one clock measures both. The stations refuse every start: then
a command ends with the station's answer, which both shapes can do.

    python -m bench latency            the fleet on the same PostgreSQL
    python -m bench latency-sqlite     the fleet on a SQLite file
"""

import asyncio
import contextlib
import json
import statistics
import sys
import tempfile
import time
import uuid
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any

import grpc
from evcommand.v1 import command_options_pb2, id_token_pb2
from evcommand.v1 import remote_command_service_pb2 as pb
from evcommand.v1 import remote_command_service_pb2_grpc as service
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from bench.on_postgres.temporal_on_postgres import temporal_on_postgres
from bench.report import Figure, note
from bench.servers import first_line, stop
from entrypoints.temporal.dev_server import free_port

STATIONS = 8
WARMUP = 30
SEQUENTIAL = 300
AT_ONCE = 8
ROUNDS = 40
_CALL_TIMEOUT_S = 30.0


@dataclass
class RefusingStation:
    """A raw OCPP 1.6 station that refuses every start.

    asked_s, answered_s: when it got the last start and when it answered (time.perf_counter).
    """

    id: str
    socket: ClientConnection
    asked_s: float = 0.0
    answered_s: float = 0.0

    async def run(self) -> None:
        """Answers until the socket closes."""
        async for text in self.socket:
            now = time.perf_counter()
            message = json.loads(text)
            if message[0] != 2:
                continue
            if message[2] == "RemoteStartTransaction":
                self.asked_s, self.answered_s = now, time.perf_counter()
                reply = [3, message[1], {"status": "Rejected"}]
            else:
                reply = [4, message[1], "NotSupported", "", {}]
            await self.socket.send(json.dumps(reply))


@dataclass
class Shape:
    """One way to send a command, with its stations and its measured times."""

    name: str
    stub: Any
    stations: list[RefusingStation]
    to_wire_ms: list[float] = field(default_factory=list)
    to_reply_ms: list[float] = field(default_factory=list)

    async def call(self, station: RefusingStation) -> None:
        """Measures one StartSession."""
        request = pb.StartSessionRequest(
            station=f"stations/{station.id}",
            request_id=str(uuid.uuid4()),
            id_token=id_token_pb2.IdToken(value="ABCD1234"),
            evse_id=1,
            options=command_options_pb2.CommandOptions(
                wait_for=command_options_pb2.WAIT_FOR_STATION_ANSWER
            ),
        )
        began = time.perf_counter()
        await self.stub.StartSession(request, timeout=_CALL_TIMEOUT_S)
        replied = time.perf_counter()
        if not began < station.asked_s < station.answered_s < replied:
            raise RuntimeError(f"{self.name}: the frame was not on the wire within the call")
        self.to_wire_ms.append((station.asked_s - began) * 1e3)
        self.to_reply_ms.append((replied - station.answered_s) * 1e3)

    def forget(self) -> None:
        """Forgets the measured times."""
        self.to_wire_ms.clear()
        self.to_reply_ms.clear()


@contextlib.asynccontextmanager
async def _connected(name: str, grpc_address: str, url: str) -> AsyncIterator[Shape]:
    async with contextlib.AsyncExitStack() as stack:
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(grpc_address))
        stations, readers = [], []
        for number in range(STATIONS):
            id = f"LAT-{number}"
            socket = await stack.enter_async_context(
                connect(
                    f"{url}/{id}",
                    subprotocols=[Subprotocol("ocpp1.6")],
                    compression=None,
                    ping_interval=None,
                )
            )
            boot = {"chargePointVendor": "Bench", "chargePointModel": "Latency"}
            await socket.send(json.dumps([2, "boot", "BootNotification", boot]))
            await socket.recv()
            stations.append(RefusingStation(id, socket))
            readers.append(asyncio.create_task(stations[-1].run()))
        try:
            yield Shape(name, service.RemoteCommandServiceStub(channel), stations)
        finally:
            for reader in readers:
                reader.cancel()


@contextlib.asynccontextmanager
async def ours(temporal: str, database_url: str, log: Path) -> AsyncIterator[Shape]:
    """Runs `evcommand up`: broker, worker and gateway in one process."""
    ports = free_port(), free_port()
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(str(Path(sys.executable).with_name("evcommand")), "up", "--open"),
            *("--grpc-listen", f"127.0.0.1:{ports[0]}", "--ocpp-listen", f"127.0.0.1:{ports[1]}"),
            *("--temporal-address", temporal, "--database-url", database_url),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=stderr,
        )
    try:
        await first_line(process)
        url = f"ws://127.0.0.1:{ports[1]}/ocpp"
        async with _connected("ours", f"127.0.0.1:{ports[0]}", url) as shape:
            yield shape
    finally:
        await stop(process)


@contextlib.asynccontextmanager
async def naive(temporal: str) -> AsyncIterator[Shape]:
    """Runs the naive shape."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.naive_shape", temporal, stdin=PIPE, stdout=PIPE, stderr=DEVNULL
    )
    try:
        ports = (await first_line(process)).split()
        url = f"ws://127.0.0.1:{ports[1]}"
        async with _connected("naive", f"127.0.0.1:{ports[0]}", url) as shape:
            yield shape
    finally:
        await stop(process)


async def sequential(shapes: list[Shape], calls: int) -> None:
    """Makes one call at a time; the shapes take turns."""
    for number in range(calls):
        for shape in shapes:
            await shape.call(shape.stations[number % STATIONS])


async def concurrent(shapes: list[Shape], rounds: int) -> None:
    """Makes `AT_ONCE` calls at a time, each to another station; the shapes take turns."""
    for _ in range(rounds):
        for shape in shapes:
            async with asyncio.TaskGroup() as group:
                for station in shape.stations[:AT_ONCE]:
                    group.create_task(shape.call(station))


def _percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def _report(name: str, own: Shape, reference: Shape, details: dict[str, Any]) -> None:
    pick: Callable[[Shape], list[float]]
    for part, pick in (
        ("call_to_wire", attrgetter("to_wire_ms")),
        ("answer_to_reply", attrgetter("to_reply_ms")),
    ):
        for word, share in (("p50", 0.5), ("p99", 0.99)):
            mine, theirs = _percentile(pick(own), share), _percentile(pick(reference), share)
            Figure(
                f"{name}_{part}_{word}",
                round(mine, 1),
                round(theirs, 1),
                "ms",
                target="ratio <= 1",
                ok=mine <= theirs,
                details={**details, "calls": len(pick(own))},
            ).report()


async def _measure(database: str) -> None:
    with tempfile.TemporaryDirectory() as text:
        directory = Path(text)
        async with temporal_on_postgres(directory) as servers:
            url = servers.postgres_url
            if database == "sqlite":
                url = f"sqlite:///{directory / 'fleet.sqlite'}"
            log = directory / "ours.log"
            address = servers.temporal_address
            async with ours(address, url, log) as own, naive(address) as reference:
                await _compare(database, own, reference)


async def _compare(database: str, own: Shape, reference: Shape) -> None:
    shapes = [own, reference]
    await sequential(shapes, WARMUP)
    await concurrent(shapes, 4)
    runs: list[tuple[str, int, Callable[[], Awaitable[None]]]] = [
        ("latency", 1, lambda: sequential(shapes, SEQUENTIAL)),
        (f"latency_{AT_ONCE}_at_once", AT_ONCE, lambda: concurrent(shapes, ROUNDS)),
    ]
    for name, at_once, run in runs:
        for shape in shapes:
            shape.forget()
        await run()
        for shape in shapes:
            to_wire, to_reply = map(statistics.mean, (shape.to_wire_ms, shape.to_reply_ms))
            note(f"{name}: {shape.name}, means {to_wire:.1f} + {to_reply:.1f} ms")
        _report(name, own, reference, {"fleet": database, "at_once": at_once})


async def measure() -> None:
    """Measures with our tables on the PostgreSQL that Temporal uses."""
    await _measure("postgresql")


async def measure_sqlite() -> None:
    """Measures with our tables in a SQLite file."""
    await _measure("sqlite")
