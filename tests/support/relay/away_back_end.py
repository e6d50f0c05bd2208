"""Both sides of a relay as websockets that keep what they hear; the back end can be away."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from tests.support.benches.gateway_bench import PASSWORD
from tests.support.stations.scripted_station import basic

VERSIONS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")


@dataclass
class AwayBackEnd:
    """A back end whose port stays, and that is away when it is told to be.

    heard: each message, with the number of the connection it came on. answers_all: each CALL, with
    the payload of its action.
    """

    answers_all: bool = True
    refuses: int = 0
    payloads: dict[str, dict[str, Any]] = field(default_factory=dict)
    heard: list[tuple[int, str | bytes]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    sockets: list[ServerConnection] = field(default_factory=list)
    port: int = 0
    _server: Server | None = None

    @property
    def url(self) -> str:
        """Where a gateway finds it."""
        return f"ws://127.0.0.1:{self.port}/csms/{{station}}"

    def on(self, connection: int) -> list[str | bytes]:
        """What it heard on one of its connections."""
        return [frame for number, frame in self.heard if number == connection]

    async def open(self) -> None:
        """Be there, at the port of before."""
        names = [Subprotocol(name) for name in VERSIONS]
        self._server = await serve(
            self._run,
            "127.0.0.1",
            self.port,
            subprotocols=names,
            process_request=self._judge,
            compression=None,
            ping_interval=None,
            close_timeout=0.2,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def leave(self) -> None:
        """Be away as a killed process is: no close frame, nobody at the port."""
        assert self._server is not None
        self._server.close(close_connections=False)
        for socket in self.sockets:
            socket.transport.abort()
        await self._server.wait_closed()

    async def _judge(self, connection: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        return connection.respond(self.refuses, "no\n") if self.refuses else None

    async def _run(self, socket: ServerConnection) -> None:
        self.sockets.append(socket)
        number = len(self.sockets)
        with contextlib.suppress(ConnectionClosed):
            async for frame in socket:
                self.heard.append((number, frame))
                if self.answers_all and (answer := self._answer(frame)):
                    await socket.send(answer)

    def _answer(self, frame: str | bytes) -> str | None:
        with contextlib.suppress(ValueError):
            parts = json.loads(frame)
            if isinstance(parts, list) and parts[0] == 2:
                return json.dumps([3, parts[1], self.payloads.get(parts[2], {"on": parts[1]})])
        return None


class RawStation:
    """A websocket that keeps what it hears."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.heard: list[str | bytes] = []
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for frame in self.socket:
                self.heard.append(frame)

    async def say(self, *frames: str | bytes) -> None:
        """Send these frames."""
        for frame in frames:
            await self.socket.send(frame)

    async def closed(self) -> int | None:
        """Wait for the end of the socket; its close code."""
        async with asyncio.timeout(5):
            await self.socket.wait_closed()
        return self.socket.close_code


@contextlib.asynccontextmanager
async def raw(url: str, subprotocol: str = "ocpp1.6") -> AsyncIterator[RawStation]:
    """A connected station."""
    async with connect(
        url,
        subprotocols=[Subprotocol(subprotocol)],
        additional_headers=basic("S1", PASSWORD),
        compression=None,
        ping_interval=None,
        close_timeout=0.2,
    ) as socket:
        yield RawStation(socket)
