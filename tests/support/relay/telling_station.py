"""An honest station that tells one session, and does not rest before each report is answered.

It comes back by itself when its socket is lost, and tells what has no answer again, as the same
text. What it says and hears is kept as text. After a power cut it boots, and knows only what a
station keeps on its disk: the reports about its session.
"""

import asyncio
import itertools
import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from tests.support.stations.scripted_station import BOOTS

WAIT_S = 60.0
PHASES = ("boot", "authorize", "start", "meter", "stop")
KEPT = ("start", "meter", "stop")
"""What survives a power cut."""

STARTS = {"1.6": "RemoteStartTransaction", "2.0.1": "RequestStartTransaction"}
ASKED = (*STARTS.values(), "DataTransfer")
"""CALLs that a test answers; what a gateway asks by itself gets nothing that helps it."""

TOKEN = "TAG-0042"
_COMES_BACK_S = 0.05
_numbers = itertools.count(5000)


def _now() -> str:
    return datetime.now(UTC).isoformat()


class TellingStation:
    """sent, got: its messages in both directions. starts: the payloads of remote starts.

    number: its transaction id (1.6: what the back end is expected to give) and its first reading.
    """

    def __init__(self, identity: str, url: str, version: str) -> None:
        self.id, self.version = identity, version
        self.sent: list[str] = []
        self.got: list[str] = []
        self.starts: list[dict[str, Any]] = []
        self.number = next(_numbers)
        self.remote_start_id: int | None = None
        self._url = f"{url}/{identity}"
        self._calls: asyncio.Queue[list[Any]] = asyncio.Queue()
        self._texts: dict[str, str] = {}
        self._answers: dict[str, asyncio.Event] = {}
        self._socket: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None
        self._must_boot = False
        self._boots = itertools.count(2)
        self._turn = asyncio.Lock()

    # --- what it tells

    async def tell(self, phase: str) -> None:
        """Tell this report until it is answered, or forgotten in a power cut."""
        text = self._text(phase)
        async with asyncio.timeout(WAIT_S):
            await self._repeat(text, kept=phase in KEPT)

    def text(self, phase: str) -> str:
        """The report as it was first sent."""
        return self._texts[phase]

    def id_of(self, phase: str) -> str:
        """The message id of this report."""
        return f"{phase}-{self.number}"

    async def come_back(self) -> None:
        """Be connected, and booted if the power was cut."""
        async with asyncio.timeout(WAIT_S):
            await self._connected()

    async def next_call(self) -> list[Any]:
        """The next CALL of `ASKED`; it is connected until that comes."""
        async with asyncio.timeout(WAIT_S):
            while True:
                await self._connected()
                assert self._reading is not None
                getting = asyncio.create_task(self._calls.get())
                await asyncio.wait((getting, self._reading), return_when=asyncio.FIRST_COMPLETED)
                if getting.done():
                    return self._noted(getting.result())
                getting.cancel()

    def _noted(self, call: list[Any]) -> list[Any]:
        if call[2] in STARTS.values():
            self.starts.append(call[3])
            self.remote_start_id = call[3].get("remoteStartId")
        return call

    @property
    def asked_to_start(self) -> int:
        """How many frames of a start have ever arrived."""
        return len(self.starts) + self._calls.qsize()

    def cut_power(self) -> None:
        """Lose the socket and all that is not on the disk."""
        assert self._socket is not None
        self._must_boot = True
        self._socket.transport.abort()

    async def answer(self, call: list[Any], payload: dict[str, Any]) -> None:
        """Answer a CALL, if the socket is still there."""
        with suppress(ConnectionClosed):
            await self._send(json.dumps([3, call[1], payload]))

    async def leave(self) -> None:
        """Go away for good."""
        if self._socket is not None:
            self._socket.transport.abort()
        if self._reading is not None:
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _repeat(self, text: str, *, kept: bool) -> None:
        message_id = json.loads(text)[1]
        answered = self._answers.setdefault(message_id, asyncio.Event())
        while not answered.is_set():
            await self._connected()
            reading = self._reading
            assert reading is not None
            with suppress(ConnectionClosed):
                await self._send(text)
            waiting = asyncio.create_task(answered.wait())
            await asyncio.wait((waiting, reading), return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if self._must_boot and not kept:
                return

    async def _send(self, text: str) -> None:
        assert self._socket is not None
        self.sent.append(text)
        await self._socket.send(text)

    # --- its socket

    async def _connected(self) -> None:
        async with self._turn:
            while self._reading is None or self._reading.done():
                with suppress(OSError, InvalidHandshake, EOFError, TimeoutError):
                    await self._open()
                    break
                await asyncio.sleep(_COMES_BACK_S)
        if self._must_boot:
            self._must_boot = False
            boot = [2, f"boot-{self.number}-{next(self._boots)}", *self._report("boot")]
            await self._repeat(json.dumps(boot), kept=True)

    async def _open(self) -> None:
        self._socket = await connect(
            self._url,
            subprotocols=[Subprotocol(f"ocpp{self.version}")],
            compression=None,
            ping_interval=None,
            close_timeout=1,
            open_timeout=10,
        )
        self._reading = asyncio.create_task(self._read(self._socket))

    async def _read(self, socket: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            async for frame in socket:
                text = frame if isinstance(frame, str) else frame.decode()
                self.got.append(text)
                await self._take(json.loads(text))

    async def _take(self, frame: list[Any]) -> None:
        if frame[0] == 2 and frame[2] in ASKED:
            self._calls.put_nowait(frame)
        elif frame[0] == 2:
            await self._send(json.dumps([4, frame[1], "NotImplemented", "", {}]))
        elif frame[0] == 3 and frame[1] in self._answers:
            self._answers[frame[1]].set()

    # --- the words of its version

    def _text(self, phase: str) -> str:
        if phase not in self._texts:
            self._texts[phase] = json.dumps([2, self.id_of(phase), *self._report(phase)])
        return self._texts[phase]

    def _report(self, phase: str) -> tuple[str, dict[str, Any]]:
        if phase == "boot":
            return "BootNotification", BOOTS[f"ocpp{self.version}"]
        return self._report_16(phase) if self.version == "1.6" else self._report_2x(phase)

    def _report_16(self, phase: str) -> tuple[str, dict[str, Any]]:
        if phase == "authorize":
            return "Authorize", {"idTag": TOKEN}
        if phase == "start":
            begun = {"connectorId": 1, "idTag": TOKEN, "meterStart": self.number}
            return "StartTransaction", {**begun, "timestamp": _now()}
        if phase == "meter":
            values = [{"timestamp": _now(), "sampledValue": [{"value": str(self.number + 7)}]}]
            of_session = {"connectorId": 1, "transactionId": self.number}
            return "MeterValues", {**of_session, "meterValue": values}
        ended = {"transactionId": self.number, "meterStop": self.number + 9}
        return "StopTransaction", {**ended, "timestamp": _now()}

    def _report_2x(self, phase: str) -> tuple[str, dict[str, Any]]:
        token = {"idToken": TOKEN, "type": "ISO14443"}
        if phase == "authorize":
            return "Authorize", {"idToken": token}
        kind = {"start": "Started", "meter": "Updated", "stop": "Ended"}[phase]
        remote = {} if self.remote_start_id is None else {"remoteStartId": self.remote_start_id}
        return "TransactionEvent", {
            "eventType": kind,
            "timestamp": _now(),
            "triggerReason": "RemoteStart" if remote else "Authorized",
            "seqNo": KEPT.index(phase),
            "transactionInfo": {"transactionId": str(self.number), **remote},
            "evse": {"id": 1, "connectorId": 1},
            "idToken": token,
        }
