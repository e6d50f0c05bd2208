"""The OCPP-J websocket server: admits sockets, cuts slow handshakes, and serves each socket.

It is the asyncio server of `websockets` with three differences, which serve many idle stations: no
compression (tens of KiB per socket), no keepalive task per socket (one sweeper pings them all), and
a limit of handshakes that are not complete. When too many are pending, the slowest one is cut, so
that a crowd of half-open handshakes does not keep real stations out.
"""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import cast

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from station_gateway.dialects import DIALECTS
from station_gateway.settings import GatewaySettings
from station_gateway.sockets.arrivals import Arrivals
from station_gateway.sockets.client_certificates import read_certificate
from station_gateway.sockets.handshake import Admitted, HandshakeJudge
from station_gateway.sockets.opening import OpeningRequest, Refused, offered
from station_gateway.sockets.refusals import (
    Refusals,
    answered,
    asked_for,
    quiet_logger,
    without_common,
)
from station_gateway.sockets.securing import Openings
from station_gateway.sockets.station_socket import StationSocket
from station_gateway.sockets.tls import StationCertificates, station_certificates

ServeStation = Callable[[StationSocket, Admitted, str], Awaitable[None]]
"""Runs for as long as the socket of this station lives; the text is the subprotocol."""


class StationServer:
    """Listens for stations. `serve_station` runs for as long as its socket lives.

    certificates: None until it listens, and without TLS of its own.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        handshake_judge: HandshakeJudge,
        arrivals: Arrivals,
        serve_station: ServeStation,
    ) -> None:
        self.settings = settings
        self.pending: dict[StationSocket, float] = {}
        self.certificates: StationCertificates | None = None
        self.openings: Openings | None = None
        self.admitting = True
        self.refusals = Refusals(time.monotonic, max_addresses=settings.max_remembered)
        self._handshake_judge = handshake_judge
        self._arrivals = arrivals
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
            UnusableTlsFiles: a file of TLS cannot be used.
        """
        self.settings.check()
        settings = self.settings
        self.certificates = station_certificates(settings, self._tls_failed)
        self.openings = Openings(self.certificates, settings, self._opening_cut)
        self._server = await serve(
            self._run,
            settings.host,
            settings.port,
            create_connection=_sockets_of(self),
            compression=None,
            server_header=None,
            open_timeout=settings.handshake_timeout_s,
            close_timeout=settings.close_timeout_s,
            ping_interval=None,
            max_size=settings.max_frame_bytes,
            max_queue=settings.queue_frames,
            logger=quiet_logger(),
            backlog=1024,
        )

    @property
    def port(self) -> int:
        """The port it listens on (settings may have said 0)."""
        return int(self._listening().sockets[0].getsockname()[1])

    def stop_listening(self) -> None:
        """Take no more connections; the open ones stay."""
        self.admitting = False
        if self.openings is not None:
            self.openings.end()
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

    def _opening_cut(self, reason: str, address: str) -> None:
        self.refusals.report(reason, station="", path="", address=address)

    def _listening(self) -> Server:
        if self._server is None:
            raise RuntimeError("the listener was not started")
        return self._server

    async def judge(self, socket: StationSocket, request: Request) -> Response | None:
        """See `SocketOwner.judge`."""
        tls: ssl.SSLObject | None = socket.transport.get_extra_info("ssl_object")
        certificate = None if tls is None else read_certificate(tls.getpeercert())
        if self.openings is not None:
            forwarded = request.headers.get_all("X-Forwarded-For")
            socket.told_address = self.openings.station_address(socket.address, forwarded)
        try:
            admitted = await self._admit(
                OpeningRequest(
                    request.path, request.headers, socket.address, tls is not None, certificate
                )
            )
        except Refused as refused:
            socket.tell_refusal(refused.reason, asked_for(request.path))
            return answered(socket, refused)
        socket.admitted, socket.station = admitted, admitted.station.id
        if admitted.subprotocol is None:
            reason, facts = without_common(offered(request.headers))
            socket.tell_refusal(reason, admitted.station.id, **facts)
        if admitted.subprotocol is not None:
            socket.protocol.available_subprotocols = [Subprotocol(admitted.subprotocol)]
            dialect = DIALECTS[admitted.subprotocol]
            socket.protocol.max_message_size = (
                self.settings.frame_bytes(dialect.CAPABILITIES)
                if admitted.upstream is None
                else self.settings.upstream_frame_bytes
            )
        return None

    async def _admit(self, request: OpeningRequest) -> Admitted:
        """Admit a station, and wait for its turn. Raises: Refused."""
        admitted = await self._handshake_judge.judge(request)
        try:
            await self._arrivals.turn(tls=request.tls)
        except BaseException:
            admitted.give_up()
            raise
        return admitted

    async def _run(self, connection: ServerConnection) -> None:
        socket = cast(StationSocket, connection)
        admitted, socket.admitted = socket.admitted, None
        if admitted is None or admitted.subprotocol is None:
            await connection.close(1002, "no common OCPP version")
            return
        try:
            await self._serve_station(socket, admitted, admitted.subprotocol)
        finally:
            admitted.give_up()


def _sockets_of(server: StationServer) -> type[StationSocket]:
    """The connection class of one server. `websockets` makes the instances, with its arguments."""

    class BoundSocket(StationSocket):
        owner = server
        write_timeout_s = server.settings.write_timeout_s

    return BoundSocket
