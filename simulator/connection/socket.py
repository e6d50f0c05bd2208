"""OCPP-J over one websocket, from the station's side.

The station sends one CALL at a time and waits for its answer (OCPP-J section 4.1.1). It handles
each CALL of the back end at once, in a task of its own.
"""

import asyncio
import base64
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from simulator.behaviour import Behaviour
from simulator.dialects.messages import CallErrorReply, Payload

_CALL, _RESULT, _ERROR = 2, 3, 4
_MAX_FRAME_BYTES = 1 << 20

OnCall = Callable[[str, Payload], Awaitable[Payload | CallErrorReply | None]]
Frames = list[list[Any]]


class SocketLost(Exception):
    """The socket closed before the answer came."""


class CallErrorReceived(Exception):
    """The back end answered a CALL with a CALLERROR."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code


@dataclass(frozen=True)
class Writing:
    """How frames are written. behaviour: as it is at that moment."""

    behaviour: Callable[[], Behaviour]


_HONEST = Behaviour()
HONESTLY = Writing(lambda: _HONEST)


class OcppSocket:
    """One open websocket.

    on_call: answers a CALL of the back end; None leaves it without an answer.
    """

    def __init__(
        self,
        socket: ClientConnection,
        on_call: OnCall,
        writing: Writing,
    ) -> None:
        self._socket = socket
        self._on_call = on_call
        self._writing = writing
        self._calls = 0
        self._one_call = asyncio.Lock()
        self._answers: dict[str, asyncio.Future[Payload]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def call(
        self, action: str, payload: Payload, timeout_s: float, *, message_id: str | None = None
    ) -> Payload:
        """Sends a CALL and returns its answer. Waits first until earlier CALLs are answered.

        Raises: SocketLost, CallErrorReceived, TimeoutError.
        """
        async with self._one_call:
            self._calls += 1
            identity = message_id or self._writing.behaviour().message_id(
                self._calls, str(uuid.uuid4())
            )
            answer: asyncio.Future[Payload] = asyncio.get_running_loop().create_future()
            self._answers[identity] = answer
            try:
                await self.send_frame([_CALL, identity, action, payload])
                async with asyncio.timeout(timeout_s):
                    return await answer
            finally:
                del self._answers[identity]

    async def send_frame(self, frame: list[Any]) -> None:
        """Writes any frame, also one that the standard forbids.

        Raises: SocketLost.
        """
        try:
            behaviour = self._writing.behaviour()
            for each in behaviour.written(frame):
                text = json.dumps(each, separators=(",", ":"))
                await self._socket.send(behaviour.spelled(each, text))
        except ConnectionClosed as error:
            raise SocketLost(str(error)) from error

    async def read(self) -> None:
        """Handles frames until either side closes the socket."""
        try:
            async for text in self._socket:
                self._handle(json.loads(text))
        except ConnectionClosed:
            pass
        finally:
            self._end()

    async def close(self) -> None:
        """Closes in order."""
        await self._socket.close()

    def drop(self) -> None:
        """Cuts the connection without a close frame, as a lost network does."""
        self._socket.transport.abort()

    def _handle(self, frame: list[Any]) -> None:
        match frame:
            case [2, str() as identity, str() as action, dict() as payload]:
                self._spawn(self._answer(identity, action, payload))
            case [3, identity, dict() as payload] if identity in self._answers:
                _settle(self._answers[identity], payload)
            case [4, identity, code, description, *_] if identity in self._answers:
                _settle(self._answers[identity], CallErrorReceived(str(code), str(description)))

    async def _answer(self, identity: str, action: str, payload: Payload) -> None:
        reply = await self._on_call(action, payload)
        if reply is None:
            return
        frame = [_RESULT, identity, reply]
        if isinstance(reply, CallErrorReply):
            frame = [_ERROR, identity, reply.code, reply.description, {}]
        try:
            await self.send_frame(frame)
        except SocketLost:
            return

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _end(self) -> None:
        for answer in self._answers.values():
            _settle(answer, SocketLost("the connection closed"))
        for task in self._tasks:
            task.cancel()


@asynccontextmanager
async def opened_socket(
    url: str,
    *,
    subprotocol: str,
    user: str,
    password: str | None,
    timeout_s: float,
    on_call: OnCall,
    writing: Writing = HONESTLY,
) -> AsyncIterator[OcppSocket]:
    """Opens a websocket as a station does. password: for Basic auth; None sends no credentials.

    Raises: websockets.exceptions.InvalidStatus when refused; OSError, TimeoutError.
    """
    headers = {}
    if password is not None:
        # A password of OCPP 1.6 is bytes, and need not be text.
        shown = f"{user}:{password}".encode(errors="surrogateescape")
        credentials = base64.b64encode(shown).decode()
        headers["Authorization"] = f"Basic {credentials}"
    async with connect(
        url,
        subprotocols=[Subprotocol(subprotocol)],
        additional_headers=headers,
        compression=None,
        open_timeout=timeout_s,
        close_timeout=2,
        ping_interval=20,
        ping_timeout=20,
        max_size=_MAX_FRAME_BYTES,
        proxy=None,
    ) as socket:
        yield OcppSocket(socket, on_call, writing)


def _settle(answer: asyncio.Future[Payload], result: Payload | Exception) -> None:
    if answer.done():
        return
    if isinstance(result, Exception):
        answer.set_exception(result)
    else:
        answer.set_result(result)
