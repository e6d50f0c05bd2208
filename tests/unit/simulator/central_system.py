"""A central system that answers everything with what the test put there."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

Payload = dict[str, Any]


class CentralSystem:
    """Keeps every CALL of the stations in order; `replies` overrides the usual answers."""

    def __init__(self) -> None:
        self.url = ""
        self.calls: list[tuple[str, Payload]] = []
        self.replies: dict[str, Payload] = {}
        self.authorization: str | None = None
        self.path = ""
        self._socket: ServerConnection | None = None
        self._answers: dict[str, asyncio.Future[Payload]] = {}
        self._news = asyncio.Condition()

    async def handle(self, socket: ServerConnection) -> None:
        self._socket = socket
        assert socket.request is not None
        self.path = socket.request.path
        self.authorization = socket.request.headers.get("Authorization")
        try:
            async for text in socket:
                await self._take(socket, json.loads(text))
        except ConnectionClosed:
            return

    async def ask(self, action: str, payload: Payload) -> Payload:
        """Sends a CALL to the station and returns its answer; a CALLERROR's code as `error`."""
        assert self._socket is not None
        self._answers["m1"] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps([2, "m1", action, payload]))
        async with asyncio.timeout(5):
            return await self._answers["m1"]

    async def hears(self, action: str, count: int = 1, **fields: Any) -> Payload:
        """Waits for the count-th CALL of the station with this action and these fields."""
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(lambda: len(self.matching(action, **fields)) >= count)
        return self.matching(action, **fields)[count - 1]

    def matching(self, action: str, **fields: Any) -> list[Payload]:
        return [
            payload
            for name, payload in self.calls
            if name == action and fields.items() <= payload.items()
        ]

    async def _take(self, socket: ServerConnection, frame: list[Any]) -> None:
        if frame[0] == 2:
            self.calls.append((frame[2], frame[3]))
            reply = {**_usual_reply(frame[2], len(self.calls)), **self.replies.get(frame[2], {})}
            await socket.send(json.dumps([3, frame[1], reply]))
        else:
            answer = frame[2] if frame[0] == 3 else {"error": frame[2]}
            self._answers.pop(frame[1]).set_result(answer)
        async with self._news:
            self._news.notify_all()


@asynccontextmanager
async def central_system() -> AsyncIterator[CentralSystem]:
    system = CentralSystem()
    versions = [Subprotocol(name) for name in ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")]
    async with serve(system.handle, "127.0.0.1", 0, subprotocols=versions) as server:
        system.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/ocpp"
        yield system


def _usual_reply(action: str, number: int) -> Payload:
    accepted = {"idTagInfo": {"status": "Accepted"}}
    replies: dict[str, Payload] = {
        "BootNotification": {
            "status": "Accepted",
            "currentTime": "2030-01-01T00:00:00Z",
            "interval": 300,
        },
        "Heartbeat": {"currentTime": "2030-01-01T00:00:00Z"},
        "Authorize": {**accepted, "idTokenInfo": {"status": "Accepted"}},
        "StartTransaction": {**accepted, "transactionId": 1000 + number},
    }
    return replies.get(action, {})
