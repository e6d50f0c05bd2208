"""Another back end (CSMS) behind a gateway that relays: a websocket server that a test scripts."""

import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

Payload = dict[str, Any]
Frame = str | bytes
TIME = "2026-01-01T00:00:00Z"

ANSWERS: dict[str, Payload] = {
    "BootNotification": {"status": "Accepted", "currentTime": TIME, "interval": 77},
    "Heartbeat": {"currentTime": TIME},
    "StatusNotification": {},
    "MeterValues": {},
    "Authorize": {"idTagInfo": {"status": "Accepted"}},
    "StartTransaction": {"transactionId": 4711, "idTagInfo": {"status": "Accepted"}},
    "StopTransaction": {},
    "TransactionEvent": {"idTokenInfo": {"status": "Accepted"}},
}
"""What it answers by itself, by action. An action without a row gets no answer."""


@dataclass
class Refusal:
    """What a handshake is answered instead of 101."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)


class BackEnd:
    """One back end. heard: each message of each station, as it came.

    before_answer: what happens between a handshake and its answer.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.heard: list[Frame] = []
        self.requests: list[Request] = []
        self.sockets: list[ServerConnection] = []
        self.answers = dict(ANSWERS)
        self.refusal: Refusal | None = None
        self.before_answer: Callable[[], Awaitable[None]] | None = None
        self.answer: Callable[[list[Any]], list[Any] | None] = self.as_scripted
        self._server: Server | None = None

    def as_scripted(self, call: list[Any]) -> list[Any] | None:
        """The answer to a CALL out of `answers`."""
        payload = self.answers.get(call[2])
        return None if payload is None else [3, call[1], payload]

    @property
    def url(self) -> str:
        """Where a gateway finds it."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        where = "ws://127.0.0.1" if self._tls is None else "wss://localhost"
        return f"{where}:{port}/csms/{{station}}"

    @property
    def socket(self) -> ServerConnection:
        """The newest socket."""
        return self.sockets[-1]

    async def say(self, *frames: Frame) -> None:
        """Send these frames to the station of the newest socket."""
        for frame in frames:
            await self.socket.send(frame)

    @contextlib.asynccontextmanager
    async def running(self, *subprotocols: str) -> AsyncIterator["BackEnd"]:
        """Listen on a free port of loopback."""
        self._server = await serve(
            self._run,
            "127.0.0.1",
            0,
            subprotocols=[Subprotocol(name) for name in subprotocols],
            process_request=self._judge,
            ssl=self._tls,
            compression=None,
            ping_interval=None,
            close_timeout=1,
            max_size=None,
        )
        try:
            yield self
        finally:
            self._server.close()
            for socket in self.sockets:
                socket.transport.abort()  # a test may have it read nothing
            await self._server.wait_closed()

    async def _judge(self, connection: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        if self.before_answer is not None:
            await self.before_answer()
        if self.refusal is None:
            return None
        response = connection.respond(self.refusal.status, "no\n")
        response.headers.update(self.refusal.headers)
        return response

    async def _run(self, socket: ServerConnection) -> None:
        self.sockets.append(socket)
        with contextlib.suppress(ConnectionClosed):
            async for frame in socket:
                self.heard.append(frame)
                await self._reply(socket, frame)

    async def _reply(self, socket: ServerConnection, frame: Frame) -> None:
        try:
            call = json.loads(frame)
        except ValueError:
            return
        if isinstance(call, list) and len(call) == 4 and call[0] == 2:
            answer = self.answer(call)
            if answer is not None:
                await socket.send(json.dumps(answer))
