"""A station as a bare websocket: it says what a test tells it to say, and no more.

It shares no code with the gateway or with the simulated station, so it does not share their
assumptions either.
"""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

Payload = dict[str, Any]
LIMIT_S = 20.0


class RefusedCall(Exception):
    """A CALL that is answered with a CALLERROR: its code and its description."""


class RawStation:
    """One connected station. Requests of the other side that no test awaits are not supported.

    requests: what it was asked, in order. unexpected: answers to nothing that it asked.
    """

    def __init__(self, socket: ClientConnection, subprotocol: str = "") -> None:
        self._socket = socket
        self.subprotocol = subprotocol
        self._answers: dict[str, asyncio.Future[Payload]] = {}
        self._replies: dict[str, Callable[[Payload], Payload]] = {}
        self._later: dict[str, Callable[[Payload], Awaitable[Payload]]] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self.received: dict[str, asyncio.Event] = {}
        self.requests: list[tuple[str, Payload]] = []
        self.unexpected: list[str | bytes] = []
        self._listeners: dict[str, Callable[[Payload], None]] = {}

    def listen(self, identity: str, hear: Callable[[Payload], None]) -> None:
        """Every CALLRESULT with this message id goes to `hear`, until `call` uses the id."""
        self._listeners[identity] = hear

    def answers(self, action: str, reply: Callable[[Payload], Payload]) -> asyncio.Event:
        """From now on requests of this action get this reply. Returns: set once one was."""
        self._replies[action] = reply
        return self.received.setdefault(action, asyncio.Event())

    def answers_later(self, action: str, reply: Callable[[Payload], Awaitable[Payload]]) -> None:
        """From now on requests of this action get this reply, whenever it is there."""
        self._later[action] = reply

    async def call(self, action: str, payload: Payload, identity: str | None = None) -> Payload:
        """Sends a CALL and returns the payload of its CALLRESULT.

        Raises: RefusedCall when it gets a CALLERROR.
        """
        identity = identity or str(uuid.uuid4())
        return await self.call_text(json.dumps([2, identity, action, payload]), identity)

    async def call_text(self, text: str, identity: str) -> Payload:
        """Sends this very text, a CALL with this message id, and returns as `call` does."""
        self._listeners.pop(identity, None)
        self._answers[identity] = asyncio.get_running_loop().create_future()
        await self.send_text(text)
        async with asyncio.timeout(LIMIT_S):
            return await self._answers[identity]

    async def send_text(self, text: str) -> None:
        """Writes this very text and waits for nothing."""
        await self._socket.send(text)

    async def close(self) -> None:
        """Cuts the socket, as a station that restarts does."""
        await self._socket.close()

    async def read(self) -> None:
        """Reads until the socket closes."""
        async for text in self._socket:
            kind, identity, *rest = json.loads(text)
            waiting = self._answers.get(identity)
            if kind == 2:
                answering = asyncio.create_task(self._answer(identity, *rest))
                self._answering.add(answering)
                answering.add_done_callback(self._answering.discard)
            elif identity in self._listeners:
                self._listeners[identity](rest[0])
            elif waiting is None or waiting.done():
                self.unexpected.append(text)
            elif kind == 3:
                waiting.set_result(rest[0])
            else:
                waiting.set_exception(RefusedCall(*rest[:2]))

    async def _reply(self, action: str, payload: Payload) -> Payload:
        if action in self._later:
            return await self._later[action](payload)
        if action in self._replies:
            return self._replies[action](payload)
        raise RefusedCall("NotSupported", "")

    async def _answer(self, identity: str, action: str, payload: Payload) -> None:
        self.requests.append((action, payload))
        try:
            frame = [3, identity, await self._reply(action, payload)]
        except RefusedCall as refused:
            frame = [4, identity, *refused.args, {}]
        await self._socket.send(json.dumps(frame))
        if action in self.received:
            self.received[action].set()


BOOTS: dict[str, Payload] = {
    "ocpp1.6": {"chargePointVendor": "socket", "chargePointModel": "bare"},
    "ocpp2.0.1": {
        "reason": "PowerUp",
        "chargingStation": {"model": "bare", "vendorName": "socket"},
    },
}
BOOTS["ocpp2.1"] = BOOTS["ocpp2.0.1"]


@asynccontextmanager
async def connected_station(url: str, identity: str, subprotocol: str) -> AsyncIterator[RawStation]:
    """A station that is connected and has said nothing."""
    async with connect(f"{url}/{identity}", subprotocols=[subprotocol]) as socket:  # type: ignore[list-item]
        station = RawStation(socket, subprotocol)
        reading = asyncio.create_task(station.read())
        try:
            yield station
        finally:
            reading.cancel()


@asynccontextmanager
async def raw_station(url: str, identity: str, subprotocol: str) -> AsyncIterator[RawStation]:
    """A station that has booted."""
    async with connected_station(url, identity, subprotocol) as station:
        boot = await station.call("BootNotification", BOOTS[subprotocol])
        assert boot["status"] == "Accepted"
        yield station


def event(kind: str, seq: int, trigger: str, transaction: Payload, **more: Any) -> Payload:
    """A TransactionEvent of EVSE 1."""
    return {
        "eventType": kind,
        "timestamp": datetime.now(UTC).isoformat(),
        "triggerReason": trigger,
        "seqNo": seq,
        "transactionInfo": transaction,
        "evse": {"id": 1, "connectorId": 1},
        **more,
    }
