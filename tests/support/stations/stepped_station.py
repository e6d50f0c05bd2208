"""A station that does one step at a time: hears a start, answers it, begins its session.

It counts the start frames of its whole life, over every connection, and comes back by itself when
the gateway dies.
"""

import asyncio
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Self

from websockets.exceptions import InvalidHandshake

from simulator.connection.socket import CallErrorReceived, OcppSocket, SocketLost, opened_socket
from simulator.dialects.messages import CallErrorReply, Payload

WAIT_S = 60.0
_CALL_S = 10.0

BOOTS: dict[str, Payload] = {
    "1.6": {"chargePointVendor": "Stepped", "chargePointModel": "One"},
    "2.0.1": {"reason": "PowerUp", "chargingStation": {"vendorName": "Stepped", "model": "Two"}},
}
SUBPROTOCOLS = {"1.6": "ocpp1.6", "2.0.1": "ocpp2.0.1"}
STARTS = {"1.6": "RemoteStartTransaction", "2.0.1": "RequestStartTransaction"}
STOPS = {"1.6": "RemoteStopTransaction", "2.0.1": "RequestStopTransaction"}


class SteppedStation:
    """`starts` and `stops`: the payloads of every such frame that ever arrived."""

    def __init__(self, identity: str, url: str, version: str) -> None:
        self.id, self.version = identity, version
        self.starts: list[Payload] = []
        self.stops: list[Payload] = []
        self.may_answer_start = asyncio.Event()
        self.may_answer_stop = asyncio.Event()
        self.session = str(uuid.uuid4())
        self.boot = BOOTS[version]
        self.transaction_id: str | None = None
        self._url = f"{url}/{identity}"
        self._link: OcppSocket | None = None
        self._booted = False
        self._news = asyncio.Condition()
        self._living: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._living = asyncio.create_task(self._live())
        await self._until(lambda: self._link is not None)
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._living is not None
        self._living.cancel()
        with suppress(asyncio.CancelledError):
            await self._living

    async def hears_start(self) -> None:
        """Waits until a start frame has arrived."""
        await self._until(lambda: bool(self.starts))

    async def hears_stop(self) -> None:
        """Waits until a stop frame has arrived."""
        await self._until(lambda: bool(self.stops))

    async def begins_session(self) -> None:
        """Tells the session of the start that it heard, until somebody has taken the news."""
        action, payload = self._session_began(self.starts[0])
        result = await self._says(action, payload)
        self.transaction_id = str(result.get("transactionId", self.session))

    async def _says(self, action: str, payload: Payload) -> Payload:
        async with asyncio.timeout(WAIT_S):
            while True:
                await self._until(lambda: self._link is not None)
                assert self._link is not None
                with suppress(SocketLost, CallErrorReceived, TimeoutError):
                    return await self._link.call(action, payload, _CALL_S)
                await asyncio.sleep(0.05)

    def _session_began(self, start: Payload) -> tuple[str, Payload]:
        now = datetime.now(UTC).isoformat()
        if self.version == "1.6":
            return "StartTransaction", {
                "connectorId": start.get("connectorId", 1),
                "idTag": start["idTag"],
                "meterStart": 100,
                "timestamp": now,
            }
        return "TransactionEvent", {
            "eventType": "Started",
            "timestamp": now,
            "triggerReason": "RemoteStart",
            "seqNo": 0,
            "transactionInfo": {
                "transactionId": self.session,
                "remoteStartId": start["remoteStartId"],
            },
            "evse": {"id": 1, "connectorId": 1},
            "idToken": start["idToken"],
        }

    async def _live(self) -> None:
        while True:
            with suppress(OSError, InvalidHandshake, SocketLost, CallErrorReceived, TimeoutError):
                await self._connect()
            self._link = None
            await asyncio.sleep(0.1)

    async def _connect(self) -> None:
        async with opened_socket(
            self._url,
            subprotocol=SUBPROTOCOLS[self.version],
            user=self.id,
            password=None,
            timeout_s=5,
            on_call=self._on_call,
        ) as link:
            reading = asyncio.create_task(link.read())
            try:
                if not self._booted:
                    boot = await link.call("BootNotification", self.boot, _CALL_S)
                    self._booted = boot["status"] == "Accepted"
                self._link = link
                await self._tell()
                await reading
            finally:
                reading.cancel()

    async def _on_call(self, action: str, payload: Payload) -> Payload | CallErrorReply | None:
        if action == STARTS[self.version]:
            self.starts.append(payload)
            await self._tell()
            await self.may_answer_start.wait()
            return {"status": "Accepted"}
        if action == STOPS[self.version]:
            self.stops.append(payload)
            await self._tell()
            await self.may_answer_stop.wait()
            return {"status": "Rejected"}
        return self._answer_question(action, payload)

    def _answer_question(self, action: str, payload: Payload) -> Payload | CallErrorReply:
        """What the gateway asks by itself: nothing that helps it."""
        if action == "GetConfiguration":
            return {"configurationKey": [], "unknownKey": payload.get("key", [])}
        if action == "TriggerMessage":
            return {"status": "NotImplemented"}
        if action == "GetTransactionStatus":
            begun = self.transaction_id is not None
            return {"messagesInQueue": False, "ongoingIndicator": begun}
        return CallErrorReply("NotImplemented")

    async def _until(self, holds: Any) -> None:
        async with asyncio.timeout(WAIT_S), self._news:
            await self._news.wait_for(holds)

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()
