"""A station of OCPP 2.x as a bare websocket: it says what a test tells it to say, and no more.

It shares no code with the gateway or with the simulated station, so it does not share their
assumptions either.
"""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

Payload = dict[str, Any]
LIMIT_S = 20.0


class RawStation:
    """One connected station. Requests of the other side that no test awaits are not supported."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._answers: dict[str, asyncio.Future[Payload]] = {}
        self._replies: dict[str, Callable[[Payload], Payload]] = {}
        self.received: dict[str, asyncio.Event] = {}

    def answers(self, action: str, reply: Callable[[Payload], Payload]) -> asyncio.Event:
        """From now on requests of this action get this reply. Returns: set once one was."""
        self._replies[action] = reply
        return self.received.setdefault(action, asyncio.Event())

    async def call(self, action: str, payload: Payload) -> Payload:
        """Sends a CALL and returns the payload of its CALLRESULT."""
        identity = str(uuid.uuid4())
        self._answers[identity] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps([2, identity, action, payload]))
        async with asyncio.timeout(LIMIT_S):
            return await self._answers[identity]

    async def read(self) -> None:
        """Reads until the socket closes."""
        async for text in self._socket:
            kind, identity, *rest = json.loads(text)
            if kind == 2:
                await self._answer(identity, *rest)
            elif waiting := self._answers.get(identity):
                waiting.set_result(rest[0])

    async def _answer(self, identity: str, action: str, payload: Payload) -> None:
        reply = self._replies.get(action)
        if reply is None:
            frame = [4, identity, "NotSupported", "", {}]
        else:
            frame = [3, identity, reply(payload)]
        await self._socket.send(json.dumps(frame))
        if action in self.received:
            self.received[action].set()


@asynccontextmanager
async def raw_station(url: str, identity: str, subprotocol: str) -> AsyncIterator[RawStation]:
    """A station that has booted and whose only EVSE is available."""
    async with connect(f"{url}/{identity}", subprotocols=[subprotocol]) as socket:  # type: ignore[list-item]
        station = RawStation(socket)
        reading = asyncio.create_task(station.read())
        try:
            boot = {
                "reason": "PowerUp",
                "chargingStation": {"model": "bare", "vendorName": "socket"},
            }
            assert (await station.call("BootNotification", boot))["status"] == "Accepted"
            yield station
        finally:
            reading.cancel()


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
