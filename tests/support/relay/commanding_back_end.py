"""A back end (CSMS) with a mind of its own: it commands stations, and refuses tokens."""

import asyncio
import itertools
import json
import time
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from tests.support.relay.back_end import BackEnd, Frame, Payload

REFUSED = "TOKEN-REFUSED"
"""The token that it knows nothing good of."""

ANSWER_S = 40.0


class CommandingBackEnd(BackEnd):
    """It serves many stations. said_by: the CALLs of each station, as action and payload.

    answers_of: what else each station said to it: the answers to its own CALLs.
    """

    def __init__(self) -> None:
        super().__init__()
        self.answer = self._judged
        self.said_by: dict[str, list[tuple[str, Payload]]] = defaultdict(list)
        self.answers_of: dict[str, list[list[Any]]] = defaultdict(list)
        self.transaction_ids = itertools.count(70_001)
        self._asked: dict[str, asyncio.Future[list[Any]]] = {}
        self._numbers = itertools.count(1)

    def socket_of(self, station: str) -> ServerConnection:
        """The newest socket of this station."""
        return next(each for each in reversed(self.sockets) if _station_of(each) == station)

    async def command(self, station: str, action: str, payload: Payload) -> list[Any]:
        """Send a CALL, and wait for the answer. Raises: ConnectionClosed, TimeoutError."""
        message_id = f"csms-{next(self._numbers)}"
        socket = self.socket_of(station)
        answer = self._asked[message_id] = asyncio.get_running_loop().create_future()
        lost = asyncio.ensure_future(socket.wait_closed())
        try:
            await socket.send(json.dumps([2, message_id, action, payload]))
            async with asyncio.timeout(ANSWER_S):
                await asyncio.wait({answer, lost}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise ConnectionClosed(None, None)
            said: list[Any] = answer.result()
            return said
        finally:
            lost.cancel()
            del self._asked[message_id]

    async def seconds_until_answer(self, station: str, action: str, payload: Payload) -> float:
        """How long the station lets it wait for an answer."""
        begin_s = time.monotonic()
        await self.command(station, action, payload)
        return time.monotonic() - begin_s

    def heard_of(self, station: str, action: str) -> list[Payload]:
        """What a station said with this action."""
        return [payload for said, payload in self.said_by[station] if said == action]

    async def _reply(self, socket: ServerConnection, frame: Frame) -> None:
        station, parts = _station_of(socket), json.loads(frame)
        if parts[0] == 2:
            self.said_by[station].append((parts[2], parts[3]))
        else:
            self.answers_of[station].append(parts)
            waiting = self._asked.get(parts[1])
            if waiting is not None and not waiting.done():
                waiting.set_result(parts)
        await super()._reply(socket, frame)

    def _judged(self, call: list[Any]) -> list[Any]:
        _, message_id, action, payload = call
        id_token = payload.get("idToken")
        token = payload.get("idTag") or (id_token or {}).get("idToken")
        status = {"status": "Invalid" if token == REFUSED else "Accepted"}
        answers: dict[str, Payload] = {
            "BootNotification": {**status, "currentTime": _now(), "interval": 300},
            "Heartbeat": {"currentTime": _now()},
            "Authorize": {"idTagInfo" if "idTag" in payload else "idTokenInfo": status},
            "TransactionEvent": {} if id_token is None else {"idTokenInfo": status},
        }
        if action == "StartTransaction":
            begun = {"transactionId": next(self.transaction_ids), "idTagInfo": status}
            return [3, message_id, begun]
        return [3, message_id, answers.get(action, {})]


def _station_of(socket: ServerConnection) -> str:
    assert socket.request is not None
    return socket.request.path.rpartition("/")[2]


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
