"""A broker with stations of its own, and many calls of it at once."""

import asyncio
import contextlib
import json
import ssl
import sys
import time
import uuid
from asyncio.subprocess import DEVNULL, PIPE
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from evcommand.v1 import command_options_pb2 as options_pb
from evcommand.v1 import id_token_pb2
from evcommand.v1 import remote_command_service_pb2 as pb
from evcommand.v1 import remote_command_service_pb2_grpc as service
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from bench.report import Figure
from bench.servers import first_line, stop
from broker.proto.error_details import DETAILS_KEY
from entrypoints.temporal.dev_server import free_port

CALL_TIMEOUT_S = 60.0
_NOT_AFTER_S = 3_600


@dataclass(frozen=True)
class Running:
    """`evcommand` while it runs. ocpp: stations append their id."""

    commands: Any
    ocpp: str


@contextlib.asynccontextmanager
async def up(directory: Path, temporal: str, *flags: str) -> AsyncIterator[Running]:
    """Runs `evcommand up` on a SQLite file of its own and on this Temporal."""
    ports = free_port(), free_port()
    with (directory / "up.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(str(Path(sys.executable).with_name("evcommand")), "up", "--open"),
            *("--grpc-listen", f"127.0.0.1:{ports[0]}", "--ocpp-listen", f"127.0.0.1:{ports[1]}"),
            *("--temporal-address", temporal),
            *("--database-url", f"sqlite:///{directory / 'fleet.sqlite'}", *flags),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=log,
        )
    try:
        await first_line(process)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{ports[0]}") as channel:
            stub = service.RemoteCommandServiceStub(channel)
            yield Running(stub, f"ws://127.0.0.1:{ports[1]}/ocpp")
    finally:
        await stop(process)


@contextlib.asynccontextmanager
async def apart(directory: Path, temporal: str, *flags: str) -> AsyncIterator[Running]:
    """A gateway, a broker and a worker, each a process, on a SQLite file and this Temporal.

    flags: of the gateway.
    """
    ports = free_port(), free_port()
    roles = {
        "gateway": ("--open", "--ocpp-listen", f"127.0.0.1:{ports[1]}", *flags),
        "broker": ("--grpc-listen", f"127.0.0.1:{ports[0]}"),
        "worker": (),
    }
    async with contextlib.AsyncExitStack() as stack:
        for role, own in roles.items():
            log = stack.enter_context((directory / f"{role}.log").open("wb"))
            process = await asyncio.create_subprocess_exec(
                *(str(Path(sys.executable).with_name("evcommand")), role, *own),
                *("--temporal-address", temporal),
                *("--database-url", f"sqlite:///{directory / 'fleet.sqlite'}"),
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=log,
            )
            stack.push_async_callback(stop, process)
            await first_line(process)
        channel = await stack.enter_async_context(
            grpc.aio.insecure_channel(f"127.0.0.1:{ports[0]}")
        )
        stub = service.RemoteCommandServiceStub(channel)
        yield Running(stub, f"ws://127.0.0.1:{ports[1]}/ocpp")


@dataclass
class Stations:
    """Connected OCPP 1.6 stations.

    silent: they answer nothing. Others refuse starts, open connectors, and know nothing else.
    frames: how many starts and unlocks each station got.
    """

    names: list[str]
    silent: bool = False
    frames: Counter[str] = field(default_factory=Counter)

    @contextlib.asynccontextmanager
    async def connected(self, url: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[None]:
        """Keeps all of them connected until the block is left. tls: for a `wss://` URL."""
        async with contextlib.AsyncExitStack() as stack:
            readers = []
            for name in self.names:
                opening = connect(
                    f"{url}/{name}",
                    subprotocols=[Subprotocol("ocpp1.6")],
                    compression=None,
                    ssl=tls,
                    ping_interval=None,
                    open_timeout=CALL_TIMEOUT_S,
                )
                socket = await stack.enter_async_context(opening)
                boot = {"chargePointVendor": "Bench", "chargePointModel": "Neighbour"}
                await socket.send(json.dumps([2, "boot", "BootNotification", boot]))
                await socket.recv()
                readers.append(asyncio.create_task(self._listen(name, socket)))
            try:
                yield
            finally:
                for reader in readers:
                    reader.cancel()

    async def _listen(self, name: str, socket: ClientConnection) -> None:
        answers = {"RemoteStartTransaction": "Rejected", "UnlockConnector": "Unlocked"}
        async for text in socket:
            message = json.loads(text)
            if message[0] != 2:
                continue
            status = answers.get(message[2])
            self.frames[name] += status is not None
            if self.silent:
                continue
            reply = [3, message[1], {"status": status}]
            await socket.send(
                json.dumps(reply if status else [4, message[1], "NotSupported", "", {}])
            )


def request_for(station: str, *, starts: bool, wait_for: options_pb.WaitFor.ValueType) -> Any:
    """A StartSession or an UnlockConnector, valid for an hour."""
    deadline = Timestamp()
    deadline.FromSeconds(int(time.time()) + _NOT_AFTER_S)
    options = options_pb.CommandOptions(wait_for=wait_for, not_after=deadline)
    common: dict[str, Any] = {
        "station": f"stations/{station}",
        "request_id": str(uuid.uuid4()),
        "evse_id": 1,
        "options": options,
    }
    if starts:
        return pb.StartSessionRequest(**common, id_token=id_token_pb2.IdToken(value="ABCD1234"))
    return pb.UnlockConnectorRequest(**common)


@dataclass(frozen=True)
class Failed:
    """A call that ended with an error. reason: of its ErrorInfo; "" when it has none."""

    request: Any
    code: grpc.StatusCode
    reason: str


def _reason_of(error: grpc.aio.AioRpcError) -> str:
    content = dict(error.trailing_metadata() or ()).get(DETAILS_KEY, b"")
    for packed in Status.FromString(content if isinstance(content, bytes) else b"").details:
        info = ErrorInfo()
        if packed.Unpack(info):
            return str(info.reason)
    return ""


@dataclass
class Called:
    """What became of many calls. times_ms: of those without an error."""

    times_ms: list[float] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)

    async def call(self, commands: Any, request: Any) -> None:
        """Makes one call, and keeps its time or its error."""
        starts = isinstance(request, pb.StartSessionRequest)
        method = commands.StartSession if starts else commands.UnlockConnector
        began = time.perf_counter()
        try:
            await method(request, timeout=CALL_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            self.failed.append(Failed(request, error.code(), _reason_of(error)))
        else:
            self.times_ms.append((time.perf_counter() - began) * 1e3)

    async def call_all(self, commands: Any, requests: Iterable[Any], *, at_once: int) -> None:
        """Makes all these calls, `at_once` at a time."""
        each = iter(requests)

        async def caller() -> None:
            for request in each:
                await self.call(commands, request)

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(caller())


def percentile(values: list[float], share: float) -> float:
    """The value that this share of all values is not above."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def starts_at(
    names: list[str], count: int, wait_for: options_pb.WaitFor.ValueType
) -> Iterator[Any]:
    """So many starts, at these stations in turn."""
    for number in range(count):
        yield request_for(names[number % len(names)], starts=True, wait_for=wait_for)


async def refused_starts(running: Running, names: list[str], count: int) -> list[float]:
    """So many starts at stations that refuse them, one at a time at each: ms until the outcome."""
    called = Called()
    starts = starts_at(names, count, options_pb.WAIT_FOR_OUTCOME)
    await called.call_all(running.commands, starts, at_once=len(names))
    if called.failed:
        raise RuntimeError(f"{len(called.failed)} calls failed: {called.failed[0].code}")
    return called.times_ms


def report_beside(
    name: str, times_ms: list[float], reference: list[float], details: dict[str, Any]
) -> None:
    """Reports what calls took beside a bad neighbour, and that its p99 is a tenth more at most."""
    for word, share in (("p50", 0.5), ("p99", 0.99), ("longest", 1.0)):
        own, other = percentile(times_ms, share), percentile(reference, share)
        has_target = word == "p99"
        Figure(
            f"{name}_{word}",
            round(own, 1),
            round(other, 1),
            "ms",
            target="ratio <= 1.1" if has_target else "",
            ok=own <= 1.1 * other if has_target else None,
            details=details,
        ).report()
