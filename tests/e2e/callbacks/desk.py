"""A client that asks for callbacks, and the example receivers as processes."""

import asyncio
import json
import os
import shutil
import sys
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc.aio
from evcommand.v1 import callback_service_pb2 as pb
from evcommand.v1 import command_options_pb2 as options_pb
from evcommand.v1 import remote_command_pb2 as command_pb
from evcommand.v1 import remote_command_service_pb2 as commands_pb
from evcommand.v1 import station_service_pb2 as stations_pb
from evcommand.v1.callback_service_pb2_grpc import CallbackServiceStub
from evcommand.v1.id_token_pb2 import IdToken
from evcommand.v1.remote_command_service_pb2_grpc import RemoteCommandServiceStub
from evcommand.v1.station_service_pb2_grpc import StationServiceStub
from google.protobuf.timestamp_pb2 import Timestamp

from tests.e2e.toolchains import CHECKOUT, built, npm_ci, require
from tests.support.client import patiently

LIMIT_S = 60.0


class Desk:
    """Calls that are repeated while the broker is away."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._callbacks: Any = CallbackServiceStub(channel)
        self._commands: Any = RemoteCommandServiceStub(channel)
        self._stations: Any = StationServiceStub(channel)

    async def rotate(self) -> str:
        """A new secret."""
        request = pb.RotateCallbackSecretRequest()
        reply = await patiently(lambda: self._callbacks.RotateCallbackSecret(request, timeout=10))
        return str(reply.secret)

    async def choose(self, url: str, *types: str) -> None:
        """Have events of these types posted there."""
        settings = pb.CallbackSettings(url=url, event_types=types)
        request = pb.UpdateCallbackSettingsRequest(settings=settings)
        await patiently(lambda: self._callbacks.UpdateCallbackSettings(request, timeout=10))

    async def start_at_an_offline_station(
        self, url: str, not_after: Timestamp | None = None
    ) -> command_pb.RemoteCommand:
        """A command that ends NOT_SENT: at once, or at `not_after`."""
        id = f"OFF-{uuid.uuid4().hex[:8]}"
        station = stations_pb.CreateStationRequest(station_id=id)
        await patiently(lambda: self._stations.CreateStation(station, timeout=10))
        request = commands_pb.StartSessionRequest(
            station=f"stations/{id}",
            id_token=IdToken(value="DRIVER-1"),
            request_id=str(uuid.uuid4()),
            options=options_pb.CommandOptions(
                wait_for=options_pb.WAIT_FOR_SUBMITTED,
                callback=options_pb.Callback(url=url),
            ),
        )
        if not_after is not None:
            request.options.offline_policy = options_pb.OFFLINE_POLICY_WAIT
            request.options.not_after.CopyFrom(not_after)
        reply = await patiently(lambda: self._commands.StartSession(request, timeout=10))
        command: command_pb.RemoteCommand = reply.command
        return command

    async def delivered(self, command: str) -> list[pb.CallbackDelivery]:
        """The command's deliveries, once all of them are delivered."""
        request = pb.ListCallbackDeliveriesRequest(command=command)
        done = pb.CallbackDelivery.STATE_DELIVERED
        async with asyncio.timeout(LIMIT_S):
            while True:
                reply = await patiently(
                    lambda: self._callbacks.ListCallbackDeliveries(request, timeout=10)
                )
                found = list(reply.deliveries)
                if found and all(each.state == done for each in found):
                    return found
                await asyncio.sleep(0.1)


class ExampleReceiver:
    """A receiver of examples/ that runs."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self._process = process
        self.url = url

    async def line(self) -> dict[str, Any]:
        """The next change that it took."""
        assert self._process.stdout is not None
        async with asyncio.timeout(LIMIT_S):
            line: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return line

    async def complaint(self) -> str:
        """The next thing that it refused."""
        assert self._process.stderr is not None
        async with asyncio.timeout(LIMIT_S):
            return (await self._process.stderr.readline()).decode()


def python_receiver() -> list[str]:
    """The Python receiver as a command."""
    return [sys.executable, str(CHECKOUT / "examples" / "receivers" / "python" / "receiver.py")]


def node_receiver() -> list[str]:
    """The Node receiver with its package, as a command."""
    require("node", "npm")
    sources = [CHECKOUT / "examples" / "receivers" / "node"]
    place: Path = built("node-receiver", sources, lambda place: npm_ci(place / "node"))
    return [shutil.which("node") or "node", str(place / "node" / "receiver.mjs")]


@asynccontextmanager
async def running_receiver(command: Sequence[str], secret: str) -> AsyncIterator[ExampleReceiver]:
    """Runs an example receiver on a free port."""
    process = await asyncio.create_subprocess_exec(
        *command,
        *("--port", "0"),
        env={**os.environ, "EVCOMMAND_CALLBACK_SECRET": secret},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        async with asyncio.timeout(LIMIT_S):
            said = (await process.stderr.readline()).decode()
        assert "listening on " in said, said
        yield ExampleReceiver(process, said.strip().rpartition(" ")[2])
    finally:
        process.terminate()
        await process.communicate()
