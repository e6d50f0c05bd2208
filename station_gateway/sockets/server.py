"""The OCPP-J websocket server: admits sockets, cuts slow handshakes, and serves each socket.

It is the asyncio server of `websockets` with three differences, which serve many idle stations: no
compression (tens of KiB per socket), no keepalive task per socket (one sweeper pings them all), and
a limit of handshakes that are not complete. When too many are pending, the slowest one is cut, so
that a crowd of half-open handshakes does not keep real stations out.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar, cast

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import TooManyFragments
from websockets.http11 import Request, Response
from websockets.protocol import Event, State
from websockets.typing import Subprotocol

from fleet.stations import Station
from station_gateway.dialects import DIALECTS
from station_gateway.settings import GatewaySettings
from station_gateway.sockets.handshake import (
    Admitted,
    HandshakeJudge,
    OpeningRequest,
    Refused,
    offered,
    station_id,
)
from station_gateway.sockets.intake import Hold, Intake
from station_gateway.sockets.limits import TokenBucket
from station_gateway.sockets.refusals import Refusals, without_common
from station_gateway.sockets.tls import tls_context
from station_gateway.stations.ports import SocketGone
from telemetry import metrics

log = structlog.get_logger(__name__)

_SWITCHED = HTTPStatus.SWITCHING_PROTOCOLS

ServeStation = Callable[["StationSocket", Station, str], Awaitable[None]]
"""Runs for as long as the socket of this station lives; the text is the subprotocol."""


class StationSocket(ServerConnection):
    """One websocket of a station.

    owner: the server that accepted it. admitted: the station, once the handshake was judged.
    heard_s: loop time when the last byte came. pinged: a ping of ours has no answer yet.
    """

    owner: ClassVar["StationServer"]
    admitted: Admitted | None = None
    station: str = ""
    heard_s: float = 0.0
    pinged: bool = False
    intake: Intake
    _end: str = "closed"
    _stuck: asyncio.TimerHandle | None = None
    _slow: bool = False
    _shed: bool = False
    _request_bytes: int = 0
    _told: bool = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or refuse it before any work is spent on it."""
        self.heard_s = self.loop.time()
        if self.owner.make_room():
            self.owner.pending[self] = self.heard_s
            super().connection_made(transport)
            self._pace()
            return
        self._shed = True
        self.transport = cast(asyncio.Transport, transport)
        self.tell_refusal("too_many_pending")
        self.transport.write(self.owner.busy)
        transport.close()

    def data_received(self, data: bytes) -> None:
        """Note that the peer lives, and limit the bytes of an unfinished handshake."""
        if self._shed:
            return
        self.heard_s = self.loop.time()
        self.pinged = False
        if self.request is None:
            self._request_bytes += len(data)
            if self._request_bytes > self.owner.settings.max_request_bytes:
                self.tell_refusal("request_too_large")
                self.transport.abort()
                return
        self.intake.received(data)

    def _pace(self) -> None:
        settings = self.owner.settings
        bucket = TokenBucket(settings.byte_rate, settings.byte_burst, self.heard_s)
        self.intake = Intake(
            self.transport, bucket, self._parse, self._slowed, frame_cost=settings.frame_cost
        )
        self.recv_messages.pause = partial(self.intake.hold, Hold.QUEUE)
        self.recv_messages.resume = partial(self.intake.release, Hold.QUEUE)

    def _parse(self, data: bytes) -> None:
        super().data_received(data)
        if self.state is State.CLOSING:
            self.recv_messages.close()

    def _slowed(self) -> None:
        metrics.SLOWED_READS.inc()
        if not self._slow:
            self._slow = True
            log.warning("socket_slowed", station=self.station, address=self.address)

    def process_event(self, event: Event) -> None:
        """Drop what a peer sends after the close: nobody would read it."""
        if self.request is not None:
            self.intake.count_frame()
        if self.request is None or not self.recv_messages.closed:
            super().process_event(event)

    async def read(self) -> str | bytes:
        """The next message. Messages that arrived before the end are read before the end is told.

        Raises:
            SocketGone: as soon as either side began to close, not only when TCP has ended.
        """
        try:
            return await self.recv_messages.get()
        except EOFError as error:
            raise SocketGone(self._end) from error
        except UnicodeDecodeError as error:
            self.hang_up(1007, "text that is not UTF-8")
            raise SocketGone("not_utf8") from error
        except TooManyFragments as error:
            self.hang_up(1009, "too many fragments")
            raise SocketGone("too_many_fragments") from error

    def eof_received(self) -> None:
        """Do nothing for a connection that was refused: nothing was opened for it."""
        if not self._shed:
            self.intake.finish()
            super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Do nothing for a connection that was refused: nothing was opened for it."""
        if not self._shed:
            self.intake.finish()
            self._stop_waiting()
            super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Read nothing from a peer that does not take our bytes; cut it when that lasts."""
        super().pause_writing()
        self.intake.hold(Hold.WRITES)
        self._stuck = self.loop.call_later(self.owner.settings.write_timeout_s, self._cut_stuck)

    def resume_writing(self) -> None:
        """Read on: the peer takes our bytes."""
        super().resume_writing()
        self._stop_waiting()
        self.intake.release(Hold.WRITES)

    def _stop_waiting(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def _cut_stuck(self) -> None:
        self._end = "stuck"
        self.transport.abort()

    async def handshake(self, *args: Any, **kwargs: Any) -> None:
        """Perform the opening handshake, then forget the request and its password."""
        try:
            await super().handshake(*args, **kwargs)
        except asyncio.CancelledError:
            self.tell_refusal("too_slow")
            raise
        finally:
            self.owner.pending.pop(self, None)
            if self.request is None and self._request_bytes:
                self.tell_refusal("bad_request")
            elif self.response is not None and self.response.status_code != _SWITCHED:
                self.tell_refusal("bad_upgrade")
            if self.request is not None:
                self.request.headers.clear()  # the parser keeps the request for ever
                self.response = None

    def tell_refusal(self, reason: str, station: str = "", **facts: object) -> None:
        """Count and report that this handshake was refused; once, however it ends afterwards."""
        if self._told:
            return
        self._told = True
        path = "" if self.request is None else self.request.path
        self.owner.refusals.report(
            reason, station=station, path=path, address=self.address, **facts
        )

    @property
    def address(self) -> str:
        """The peer's address, without port; "" when it is not known."""
        peer = self.transport.get_extra_info("peername")
        return str(peer[0]) if peer else ""

    @property
    def backlog(self) -> int:
        """How many frames have arrived that nobody has read yet."""
        return len(self.recv_messages.frames)

    def write(self, frame: str) -> None:
        """Hand one text frame to the transport; a closed socket swallows it."""
        if self.state is State.OPEN:
            self.protocol.send_text(frame.encode())
            self.send_data()

    async def flowing(self) -> None:
        """Return when the peer takes our bytes.

        Raises:
            SocketGone: it did not for too long; the connection is cut.
        """
        if not self.paused:
            return
        try:
            async with asyncio.timeout(self.owner.settings.write_timeout_s):
                await self.drain()
        except (TimeoutError, OSError) as error:
            self.transport.abort()
            raise SocketGone("stuck") from error

    def abort(self) -> None:
        """End TCP at once."""
        self.transport.abort()

    def ping_now(self) -> None:
        """Ask the peer whether it lives. Whatever it sends next is the answer."""
        if self.state is State.OPEN and not self.paused:
            self.pinged = True
            self.protocol.send_ping(b"")
            self.send_data()

    def hang_up(self, code: int, reason: str) -> None:
        """Start closing without waiting. TCP ends after the closing timeout at the latest."""
        if self.state is State.OPEN:
            self.protocol.send_close(code, reason)
            self.send_data()
            self.recv_messages.close()
            self.loop.call_later(self.owner.settings.close_timeout_s, self.transport.abort)


class StationServer:
    """Listens for stations. `serve_station` runs for as long as its socket lives."""

    def __init__(
        self,
        settings: GatewaySettings,
        handshake_judge: HandshakeJudge,
        serve_station: ServeStation,
    ) -> None:
        self.settings = settings
        self.pending: dict[StationSocket, float] = {}
        self.admitting = True
        self.refusals = Refusals(time.monotonic, max_addresses=settings.max_remembered)
        self._handshake_judge = handshake_judge
        self._serve_station = serve_station
        self._server: Server | None = None
        self.busy = (
            b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n"
            b"Retry-After: %d\r\n\r\n" % settings.retry_after_s
        )

    async def start(self) -> None:
        """Open the listener.

        Raises:
            UnsafeStationListener: the settings would admit anybody in a network.
            OSError: the address is not free.
        """
        self.settings.check()
        settings = self.settings
        self._server = await serve(
            self._run,
            settings.host,
            settings.port,
            create_connection=_sockets_of(self),
            compression=None,
            process_request=self._judge,
            server_header=None,
            open_timeout=settings.handshake_timeout_s,
            close_timeout=settings.close_timeout_s,
            ping_interval=None,
            max_size=settings.max_frame_bytes,
            max_queue=settings.queue_frames,
            ssl=tls_context(settings, self._tls_failed),
            logger=_quiet_logger(),
            backlog=1024,
        )

    @property
    def port(self) -> int:
        """The port it listens on (settings may have said 0)."""
        return int(self._listening().sockets[0].getsockname()[1])

    def stop_listening(self) -> None:
        """Take no more connections; the open ones stay."""
        self.admitting = False
        if self._server is not None:
            self._server.close(close_connections=False)

    async def wait_closed(self) -> None:
        """Return when the last socket is closed; call `stop_listening` before."""
        if self._server is not None:
            await self._server.wait_closed()

    def make_room(self) -> bool:
        """Whether one more connection may begin. Cuts the slowest handshake when it must."""
        taken = len(self._listening().all_connections)
        if not self.admitting or taken >= self.settings.max_connections:
            return False
        if len(self.pending) < self.settings.max_pending_handshakes:
            return True
        now_s = asyncio.get_running_loop().time()
        for socket, begin_s in self.pending.items():
            if now_s - begin_s < self.settings.slow_handshake_s:
                break
            if socket.request is None or socket.response is not None:
                socket.tell_refusal("slow")
                del self.pending[socket]
                socket.transport.abort()
                return True
        return False

    def _tls_failed(self, why: str) -> None:
        self.refusals.report("tls", station="", path="", address="", tls=why)

    def _listening(self) -> Server:
        if self._server is None:
            raise RuntimeError("the listener was not started")
        return self._server

    async def _judge(self, connection: ServerConnection, request: Request) -> Response | None:
        socket = cast(StationSocket, connection)
        tls = connection.transport.get_extra_info("ssl_object") is not None
        try:
            admitted = await self._handshake_judge.judge(
                OpeningRequest(request.path, request.headers, socket.address, tls)
            )
        except Refused as refused:
            return _refuse(socket, request, refused)
        socket.admitted, socket.station = admitted, admitted.station.id
        if admitted.subprotocol is None:
            reason, facts = without_common(offered(request.headers))
            socket.tell_refusal(reason, admitted.station.id, **facts)
        if admitted.subprotocol is not None:
            connection.protocol.available_subprotocols = [Subprotocol(admitted.subprotocol)]
            dialect = DIALECTS[admitted.subprotocol]
            connection.protocol.max_message_size = self.settings.frame_bytes(dialect.CAPABILITIES)
        return None

    async def _run(self, connection: ServerConnection) -> None:
        socket = cast(StationSocket, connection)
        admitted, socket.admitted = socket.admitted, None
        if admitted is None or admitted.subprotocol is None:
            await connection.close(1002, "no common OCPP version")
            return
        await self._serve_station(socket, admitted.station, admitted.subprotocol)


def _sockets_of(server: StationServer) -> type[StationSocket]:
    """The connection class of one server. `websockets` makes the instances, with its arguments."""

    class BoundSocket(StationSocket):
        owner = server

    return BoundSocket


def _refuse(socket: StationSocket, request: Request, refused: Refused) -> Response:
    try:
        station = station_id(request.path)
    except Refused:
        station = ""
    socket.tell_refusal(refused.reason, station)
    response = socket.respond(refused.status, f"{refused.status.phrase}\n")
    if refused.status is HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Basic realm="ocpp", charset="UTF-8"'
    if refused.retry_after_s:
        response.headers["Retry-After"] = str(refused.retry_after_s)
    return response


def _quiet_logger() -> logging.Logger:
    """The library's logger without INFO: the gateway itself logs each open and close."""
    logger = logging.getLogger("station_gateway.websockets")
    logger.setLevel(logging.ERROR)
    return logger
