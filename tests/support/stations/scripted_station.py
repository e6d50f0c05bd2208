"""A station of which the test decides each frame: a raw websocket with OCPP-J arrays."""

import asyncio
import base64
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

T = TypeVar("T")
Payload = dict[str, Any]
WAIT_S = 5.0


QUESTIONS = {"GetConfiguration", "GetVariables"}
"""The question that a gateway asks by itself: how long the station waits for the cable."""


class ScriptedStation:
    """Reads in the background: answers to its own CALLs, and the gateway's CALLs in a queue."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.calls: asyncio.Queue[tuple[str, str, Payload]] = asyncio.Queue()
        self.frames: list[list[Any]] = []
        self._answers: dict[str, asyncio.Future[list[Any]]] = {}
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for text in self.socket:
                self._take(json.loads(text))

    def _take(self, frame: list[Any]) -> None:
        self.frames.append(frame)
        if frame[0] == 2:
            self.calls.put_nowait((frame[1], frame[2], frame[3]))
        elif frame[1] in self._answers:
            self._answers.pop(frame[1]).set_result(frame)

    async def send(self, frame: list[Any] | str | bytes) -> None:
        """Write one frame as it is."""
        await self.socket.send(json.dumps(frame) if isinstance(frame, list) else frame)

    async def begin(
        self, action: str, payload: Payload, message_id: str = ""
    ) -> asyncio.Future[list[Any]]:
        """Send a CALL without waiting for its answer."""
        message_id = message_id or uuid.uuid4().hex
        answer = self._answers[message_id] = asyncio.get_running_loop().create_future()
        await self.send([2, message_id, action, payload])
        return answer

    async def call(self, action: str, payload: Payload, message_id: str = "") -> Payload:
        """Send a CALL; the payload of its CALLRESULT, or the code of its CALLERROR."""
        async with asyncio.timeout(WAIT_S):
            frame = await (await self.begin(action, payload, message_id))
        return frame[2] if frame[0] == 3 else {"error": frame[2]}

    async def called(self, action: str) -> tuple[str, Payload]:
        """The gateway's next CALL, which must be this one: its message id and payload.

        A question that the gateway asks for itself is refused on the way, unless it is awaited.
        """
        while True:
            async with asyncio.timeout(WAIT_S):
                message_id, got, payload = await self.calls.get()
            if got in QUESTIONS and action not in QUESTIONS:
                await self.send([4, message_id, "NotImplemented", "", {}])
                continue
            assert got == action, got
            return message_id, payload

    async def answer(self, message_id: str, payload: Payload) -> None:
        """Answer a CALL of the gateway."""
        await self.send([3, message_id, payload])

    async def accept(self, action: str) -> Payload:
        """Wait for this CALL and accept it; its payload."""
        message_id, payload = await self.called(action)
        await self.answer(message_id, {"status": "Accepted"})
        return payload

    async def boot(self) -> Payload:
        """Boot as the station's version does."""
        return await self.call("BootNotification", BOOTS[str(self.socket.subprotocol)])

    def drop(self) -> None:
        """Cut TCP without a close frame."""
        self.socket.transport.abort()

    def go_deaf(self) -> None:
        """Read nothing any more, not even pings; as a half-open socket does."""
        self.socket.transport.pause_reading()

    def hear_again(self) -> None:
        """Read on, beginning with what came meanwhile."""
        self.socket.transport.resume_reading()

    async def closed(self) -> int | None:
        """Wait for the end of the socket; its close code."""
        async with asyncio.timeout(WAIT_S):
            await self.socket.wait_closed()
        return self.socket.close_code

    async def leave(self) -> None:
        """Close properly and stop reading."""
        if self.socket.close_code is None:
            await self.socket.close()
        await asyncio.gather(self._reading, return_exceptions=True)


_BOOT_2X: Payload = {
    "reason": "PowerUp",
    "chargingStation": {"vendorName": "Acme", "model": "Two"},
}
BOOTS: dict[str, Payload] = {
    "ocpp1.6": {"chargePointVendor": "Acme", "chargePointModel": "One"},
    "ocpp2.0.1": _BOOT_2X,
    "ocpp2.1": _BOOT_2X,
}


def basic(user: str, password: str) -> dict[str, str]:
    """The header of Basic authentication."""
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {token}"}


@contextlib.asynccontextmanager
async def connected(
    url: str, password: str = "", *, subprotocol: str = "ocpp1.6", user: str = ""
) -> AsyncIterator[ScriptedStation]:
    """A connected station; its id is the last part of the URL."""
    name = user or url.rsplit("/", 1)[1]
    headers = basic(name, password) if password else {}
    socket = await connect(
        url,
        subprotocols=[subprotocol],  # type: ignore[list-item]
        additional_headers=headers,
        compression=None,
        ping_interval=None,
        close_timeout=1,
        max_size=None,
    )
    station = ScriptedStation(socket)
    try:
        yield station
    finally:
        await station.leave()


async def eventually(condition: Callable[[], bool], within_s: float = WAIT_S) -> None:
    """Wait until the condition is true, at most until the deadline."""

    async def look() -> bool:
        return condition()

    await found(look, within_s)


async def found(look: Callable[[], Awaitable[T | None]], within_s: float = WAIT_S) -> T:
    """Look again and again until there is something, at most until the deadline."""
    async with asyncio.timeout(within_s):
        while True:
            if thing := await look():
                return thing
            await asyncio.sleep(0.002)
