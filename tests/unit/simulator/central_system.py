"""A back end for stations under test. It answers every CALL of a station."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.unit.simulator.schemas import violation

Payload = dict[str, Any]
Frame = list[Any]


class CentralSystem:
    """Records what the stations write.

    calls: their CALLs, in order. frames: all their frames. violations: the frames that break the
    schemas of the standard, in words. replies: by action, fields that replace those of the usual
    answer. authorizations: the Authorization header of each connection.
    """

    def __init__(self) -> None:
        self.url = ""
        self.calls: list[tuple[str, Payload]] = []
        self.frames: list[Frame] = []
        self.violations: list[str] = []
        self.replies: dict[str, Payload] = {}
        self.authorizations: list[str | None] = []
        self.path = ""
        self._sockets: list[ServerConnection] = []
        self._asked: dict[str, str] = {}
        self._news = asyncio.Condition()

    @property
    def authorization(self) -> str | None:
        """The Authorization header of the last connection."""
        return self.authorizations[-1]

    async def handle(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        self._sockets.append(socket)
        self.path = socket.request.path
        self.authorizations.append(socket.request.headers.get("Authorization"))
        await self._tell()
        try:
            async for text in socket:
                await self._take(socket, json.loads(text))
        except ConnectionClosed:
            return

    async def send(self, action: str, payload: Payload) -> str:
        """Sends a CALL to the station that connected last; returns the message id."""
        identity = f"m{len(self._asked) + 1}"
        self._asked[identity] = action
        await self._sockets[-1].send(json.dumps([2, identity, action, payload]))
        return identity

    async def ask(self, action: str, payload: Payload) -> Payload:
        """Sends a CALL to the station and returns its answer; a CALLERROR's code as `error`."""
        return await self.answered(await self.send(action, payload))

    async def answered(self, identity: str, count: int = 1) -> Payload:
        """Waits until a CALL has `count` answers; returns the last of them."""
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(lambda: len(self.answers(identity)) >= count)
        frame = self.answers(identity)[count - 1]
        return dict(frame[2]) if frame[0] == 3 else {"error": frame[2]}

    def answers(self, identity: str) -> list[Frame]:
        return [frame for frame in self.frames if frame[0] in (3, 4) and frame[1] == identity]

    async def hears(self, action: str, count: int = 1, **fields: Any) -> Payload:
        """Waits for the count-th CALL of the station with this action and these fields."""
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(lambda: len(self.matching(action, **fields)) >= count)
        return self.matching(action, **fields)[count - 1]

    async def sees_connections(self, count: int) -> None:
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(lambda: len(self._sockets) >= count)

    def matching(self, action: str, **fields: Any) -> list[Payload]:
        return [
            payload
            for name, payload in self.calls
            if name == action and fields.items() <= payload.items()
        ]

    async def _take(self, socket: ServerConnection, frame: Frame) -> None:
        self.frames.append(frame)
        asked = self._asked.get(frame[1], "")
        if wrong := violation(str(socket.subprotocol), frame, asked):
            self.violations.append(wrong)
        if frame[0] == 2:
            self.calls.append((frame[2], frame[3]))
            reply = {**_usual_reply(frame[2], len(self.calls)), **self.replies.get(frame[2], {})}
            await socket.send(json.dumps([3, frame[1], reply]))
        await self._tell()

    async def _tell(self) -> None:
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
