"""A back end (CSMS) that tests kill, deafen and hold up; what it says and hears is kept as text.

It answers like an honest one. Its database survives: a start that is told again has the same id.
"""

import contextlib
import json
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any, Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.support.ports import steady_port

_SPOKEN = [Subprotocol("ocpp2.0.1"), Subprotocol("ocpp1.6")]


class Csms:
    """heard, said: the messages of each station, as they came over the raw socket.

    held: the station and the message id of each CALL that it does not answer.
    """

    def __init__(self) -> None:
        self.heard: dict[str, list[str]] = defaultdict(list)
        self.said: dict[str, list[str]] = defaultdict(list)
        self.held: set[tuple[str, str]] = set()
        self._port = steady_port()
        self._sockets: dict[str, ServerConnection] = {}
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """What a station, or a gateway, is configured with: the identity comes last."""
        return f"ws://127.0.0.1:{self._port}/csms"

    async def __aenter__(self) -> Self:
        await self.live()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.die()

    async def live(self) -> None:
        """Listen, again on the same port."""
        self._server = await serve(
            self._serve,
            "127.0.0.1",
            self._port,
            subprotocols=_SPOKEN,
            compression=None,
            ping_interval=None,
            close_timeout=1,
        )

    async def die(self) -> None:
        """End as a process does that is killed: no close frame, and nobody listens."""
        assert self._server is not None
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Have all connections break."""
        for socket in self._sockets.values():
            socket.transport.abort()
        self._sockets.clear()

    def go_deaf(self, station: str) -> None:
        """Read nothing more on the present socket of this station."""
        self._sockets[station].transport.pause_reading()

    async def ask(self, station: str, message_id: str, action: str, payload: Any) -> None:
        """Send a CALL of its own."""
        await self._say(self._sockets[station], station, [2, message_id, action, payload])

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        station = socket.request.path.rpartition("/")[2]
        self._sockets[station] = socket
        with contextlib.suppress(ConnectionClosed):
            async for frame in socket:
                text = frame if isinstance(frame, str) else frame.decode()
                self.heard[station].append(text)
                await self._answer(socket, station, json.loads(text))

    async def _answer(self, socket: ServerConnection, station: str, frame: list[Any]) -> None:
        if frame[0] == 2 and (station, frame[1]) not in self.held:
            await self._say(socket, station, [3, frame[1], _answer_to(frame[2], frame[3])])

    async def _say(self, socket: ServerConnection, station: str, frame: list[Any]) -> None:
        text = json.dumps(frame)
        self.said[station].append(text)
        await socket.send(text)


def _answer_to(action: str, asked: dict[str, Any]) -> dict[str, Any]:
    """A yes. On 1.6 the meter reading of a start is the id that the session gets."""
    accepted = {"status": "Accepted"}
    match action:
        case "BootNotification":
            return {**accepted, "currentTime": datetime.now(UTC).isoformat(), "interval": 300}
        case "Authorize" | "TransactionEvent" if "idToken" in asked:
            return {"idTokenInfo": accepted}
        case "Authorize":
            return {"idTagInfo": accepted}
        case "StartTransaction":
            return {"transactionId": asked["meterStart"], "idTagInfo": accepted}
    return {}
