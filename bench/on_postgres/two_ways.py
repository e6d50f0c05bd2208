"""The direct line beside the task queue: what a command costs and how long it takes, both ways.

Ours is `evcommand up`, once as it is by default, once with the direct line and eager start turned
off. Both run on the same Temporal server and the same PostgreSQL, one after the other and twice in
turn, so that what the machine does besides hits both. The command is UnlockConnector on OCPP 1.6:
one frame, final with its answer. The CPU is that of all processes: ours, Temporal's, PostgreSQL's.
The caller and the stations are this process and do not count.

    python -m bench two-ways
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
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import psutil
from evcommand.v1 import command_options_pb2
from evcommand.v1 import remote_command_service_pb2 as pb
from evcommand.v1 import remote_command_service_pb2_grpc as service
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from bench.on_postgres.temporal_on_postgres import temporal_on_postgres
from bench.report import Figure, note
from bench.servers import first_line, stop
from entrypoints.temporal.dev_server import free_port

STATIONS = 50
WARMUP = 60
ONE_BY_ONE = 150
AT_ONCE = 20
COMMANDS = 600
ROUNDS = 2
_CALL_TIMEOUT_S = 60.0
_QUEUE_ONLY = ("--worker-direct-wait-s", "0", "--no-broker-eager-start")


@dataclass
class Way:
    """One way, with what was measured: ms of one call, ms of CPU, commands per second."""

    name: str
    flags: tuple[str, ...]
    calls_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    per_s: list[float] = field(default_factory=list)


async def _station(socket: ClientConnection) -> None:
    """Opens its connector when it is asked to, and refuses everything else."""
    async for text in socket:
        message = json.loads(text)
        if message[0] != 2:
            continue
        if message[2] == "UnlockConnector":
            reply: list[Any] = [3, message[1], {"status": "Unlocked"}]
        else:
            reply = [4, message[1], "NotSupported", "", {}]
        await socket.send(json.dumps(reply))


@contextlib.asynccontextmanager
async def _stations(url: str) -> AsyncIterator[None]:
    async with contextlib.AsyncExitStack() as stack:
        readers = []
        for number in range(STATIONS):
            socket = await stack.enter_async_context(
                connect(
                    f"{url}/WAY-{number}",
                    subprotocols=[Subprotocol("ocpp1.6")],
                    compression=None,
                    ping_interval=None,
                )
            )
            boot = {"chargePointVendor": "Bench", "chargePointModel": "Ways"}
            await socket.send(json.dumps([2, "boot", "BootNotification", boot]))
            await socket.recv()
            readers.append(asyncio.create_task(_station(socket)))
        try:
            yield
        finally:
            for reader in readers:
                reader.cancel()


@contextlib.asynccontextmanager
async def _ours(way: Way, temporal: str, database_url: str, log: Path) -> AsyncIterator[Any]:
    ports = free_port(), free_port()
    with log.open("ab") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(str(Path(sys.executable).with_name("evcommand")), "up", "--open"),
            *("--grpc-listen", f"127.0.0.1:{ports[0]}", "--ocpp-listen", f"127.0.0.1:{ports[1]}"),
            *("--temporal-address", temporal, "--database-url", database_url, *way.flags),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=stderr,
        )
    try:
        await first_line(process)
        async with (
            grpc.aio.insecure_channel(f"127.0.0.1:{ports[0]}") as channel,
            _stations(f"ws://127.0.0.1:{ports[1]}/ocpp"),
        ):
            yield service.RemoteCommandServiceStub(channel)
    finally:
        await stop(process)


async def _unlock(stub: Any, number: int) -> float:
    """One command to its outcome, in ms."""
    request = pb.UnlockConnectorRequest(
        station=f"stations/WAY-{number % STATIONS}",
        request_id=str(uuid.uuid4()),
        evse_id=1,
        options=command_options_pb2.CommandOptions(wait_for=command_options_pb2.WAIT_FOR_OUTCOME),
    )
    began = time.perf_counter()
    reply = await stub.UnlockConnector(request, timeout=_CALL_TIMEOUT_S)
    if not reply.command.outcome.code:
        raise RuntimeError(f"no outcome: {reply}")
    return (time.perf_counter() - began) * 1e3


def _cpu_s(postgres: int) -> float:
    """The CPU time so far of all processes below this one, without itself, and of PostgreSQL."""
    total = 0.0
    database = psutil.Process(postgres)
    own = psutil.Process().children(recursive=True)
    for process in {*own, database, *database.children(recursive=True)}:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


async def _many(stub: Any, commands: int) -> float:
    """So many commands, `AT_ONCE` at a time; returns how many were done in a second."""
    numbers = iter(range(commands))

    async def caller() -> None:
        for number in numbers:
            await _unlock(stub, number)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(caller())
    return commands / (time.perf_counter() - began)


async def _measure_way(way: Way, stub: Any, postgres: int) -> None:
    await _many(stub, WARMUP)
    way.calls_ms += [await _unlock(stub, number) for number in range(ONE_BY_ONE)]
    before = _cpu_s(postgres)
    way.per_s.append(await _many(stub, COMMANDS))
    way.cpu_ms.append((_cpu_s(postgres) - before) * 1e3 / COMMANDS)
    note(
        f"two-ways: {way.name}: p50 {statistics.median(way.calls_ms):.1f} ms, "
        f"{way.cpu_ms[-1]:.1f} ms of CPU, {way.per_s[-1]:.1f} a second"
    )


async def measure() -> None:
    """Measures both ways, in turn."""
    ways = Way("direct", ()), Way("queue", _QUEUE_ONLY)
    with tempfile.TemporaryDirectory() as text:
        directory = Path(text)
        async with temporal_on_postgres(directory) as servers:
            postgres = int((directory / "pg" / "postmaster.pid").read_text().split()[0])
            for _ in range(ROUNDS):
                for way in ways:
                    log = directory / f"{way.name}.log"
                    address, url = servers.temporal_address, servers.postgres_url
                    async with _ours(way, address, url, log) as stub:
                        await _measure_way(way, stub, postgres)
    _report(*ways)


def _report(direct: Way, queue: Way) -> None:
    for name, unit, target, mine, theirs in (
        ("call_to_outcome_p50", "ms", 0.35, direct.calls_ms, queue.calls_ms),
        ("cpu_per_command", "ms", 0.38, direct.cpu_ms, queue.cpu_ms),
        ("commands_per_second_20_at_once", "1/s", 2.8, direct.per_s, queue.per_s),
    ):
        own, reference = statistics.median(mine), statistics.median(theirs)
        ratio = own / reference
        faster = unit == "1/s"
        Figure(
            f"two_ways_{name}",
            round(own, 1),
            round(reference, 1),
            unit,
            target=f"ratio {'>=' if faster else '<='} {target}",
            ok=ratio >= target if faster else ratio <= target,
            details={"ratio": round(ratio, 2)},
        ).report()
