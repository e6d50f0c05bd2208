"""Many stations in one process: raw OCPP-J 1.6 clients that connect and boot."""

import asyncio
import json
import ssl
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

_BOOT = {"chargePointVendor": "Bench", "chargePointModel": "Crowd"}
_ANSWER_TIMEOUT_S = 60.0


@dataclass
class Crowd:
    """Connected stations that answer every question. Call `close` before the event loop ends.

    compression: what the clients offer. The stock server accepts it, ours declines.
    tls: with which they trust a `wss://` server.
    """

    url: str
    prefix: str
    compression: str | None = "deflate"
    tls: ssl.SSLContext | None = None
    connections: list[ClientConnection] = field(default_factory=list)
    _readers: list[asyncio.Task[None]] = field(default_factory=list)

    async def _join(self, number: int, *, boot: bool) -> None:
        connection = await connect(
            f"{self.url}/{self.prefix}{number:05d}",
            subprotocols=[Subprotocol("ocpp1.6")],
            compression=self.compression,
            ssl=self.tls,
            ping_interval=None,
            open_timeout=_ANSWER_TIMEOUT_S,
            max_queue=4,
        )
        self.connections.append(connection)
        if boot:
            await connection.send(json.dumps([2, f"boot-{number}", "BootNotification", _BOOT]))
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                answer = json.loads(await connection.recv())
            if answer[0] != 3 or answer[2]["status"] != "Accepted":
                raise SystemExit(f"station {number} was not accepted: {answer}")
        self._readers.append(asyncio.create_task(_refuse_questions(connection)))

    async def join(self, count: int, *, at_once: int, boot: bool = True) -> None:
        """Connects `count` stations, `at_once` at a time. boot: each sends BootNotification."""
        gate = asyncio.Semaphore(at_once)

        async def one(number: int) -> None:
            async with gate:
                await self._join(number, boot=boot)

        first = len(self.connections)
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                group.create_task(one(first + number))

    def close(self) -> None:
        """Drops every connection without the closing handshake."""
        for reader in self._readers:
            reader.cancel()
        for connection in self.connections:
            connection.transport.abort()
        self._readers.clear()
        self.connections.clear()


async def _refuse_questions(connection: ClientConnection) -> None:
    """Answers every CALL with the CALLERROR NotSupported."""
    try:
        async for frame in connection:
            message = json.loads(frame)
            if message[0] == 2:
                await connection.send(json.dumps([4, message[1], "NotSupported", "", {}]))
    except ConnectionClosed:
        return
