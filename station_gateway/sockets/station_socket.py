"""One websocket of a station, from its accept to its end.

It is the asyncio connection of `websockets` with other rules: what comes is taken no faster than
its rate (`Intake`), an unfinished handshake is limited, and nothing is read while the station does
not take what we wrote.
"""

import asyncio
from functools import partial
from http import HTTPStatus
from typing import Any, ClassVar, Protocol, cast

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response
from websockets.protocol import Event, State

from domain.token_bucket import TokenBucket
from station_gateway.settings import GatewaySettings
from station_gateway.sockets.handshake import Admitted
from station_gateway.sockets.intake import Hold, Intake
from station_gateway.sockets.peer_socket import PeerSocket
from station_gateway.sockets.refusals import Refusals
from station_gateway.sockets.securing import Openings, peer_address
from telemetry import metrics

log = structlog.get_logger(__name__)

_SWITCHED = HTTPStatus.SWITCHING_PROTOCOLS


class SocketOwner(Protocol):
    """The server that accepted a socket. `sockets.server.StationServer` implements it.

    pending: sockets whose handshake is not complete, with the loop time of their begin.
    openings: connections on which something comes before HTTP. busy: the bytes of a 503.
    """

    settings: GatewaySettings
    pending: "dict[StationSocket, float]"
    openings: Openings | None
    refusals: Refusals
    busy: bytes

    def make_room(self) -> bool:
        """Whether one more connection may begin. Cuts the slowest handshake when it must."""

    async def judge(self, socket: "StationSocket", request: Request) -> Response | None:
        """Judge a request to open; None: the station may come in. Sets what the socket knows."""


class StationSocket(PeerSocket, ServerConnection):
    """One websocket of a station.

    owner: the server that accepted it. admitted: the station, once the handshake was judged.
    told_address: the station's address, if a trusted balancer told it, else "".
    """

    owner: ClassVar[SocketOwner]
    admitted: Admitted | None = None
    station: str = ""
    told_address: str = ""
    intake: Intake
    _stuck: asyncio.TimerHandle | None = None
    _slow: bool = False
    _begun: bool = False
    _late: asyncio.TimerHandle | None = None
    _shed: bool = False
    _request_bytes: int = 0
    _told: bool = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or refuse it before any work is spent on it."""
        transport = cast(asyncio.Transport, transport)
        openings = self.owner.openings
        if openings is not None and not self._begun and openings.concern(transport):
            openings.begin(transport, self._http_begins)
            return
        self.heard_s = self.loop.time()
        if self.owner.make_room():
            self.owner.pending[self] = self.heard_s
            super().connection_made(transport)
            self._pace()
            return
        self._shed = True
        self.transport = transport
        self.tell_refusal("too_many_pending")
        self.transport.write(self.owner.busy)
        transport.close()

    def _http_begins(
        self, transport: asyncio.Transport, data: bytes, begin_s: float, told_address: str
    ) -> None:
        self._begun = True
        self.told_address = told_address
        limit_s = begin_s + self.owner.settings.handshake_timeout_s
        self._late = self.loop.call_at(limit_s, self._cut_late)
        transport.set_protocol(self)
        self.connection_made(transport)
        if data:
            self.data_received(data)

    def _cut_late(self) -> None:
        self.tell_refusal("too_slow")
        self.transport.abort()

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
        if self.request is None and self.request_rcvd.done():
            return  # it came in the moment in which its time was over
        if self.request is not None:
            self.intake.count_frame()
        if self.request is None or not self.recv_messages.closed:
            super().process_event(event)

    async def read(self) -> str | bytes:
        """The next message; its values count in what the station may send. Raises: SocketGone."""
        message = await super().read()
        if isinstance(message, str):
            self.intake.charge(self.owner.settings.value_cost * _values_in(message))
        return message

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
            if not self.request_rcvd.done():
                self.request_rcvd.set_result(None)

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

    async def handshake(self, *_: Any, **__: Any) -> None:
        """Perform the opening handshake, then forget the request and its password."""
        try:
            await self._shake_hands()
        except asyncio.CancelledError:
            self.tell_refusal("too_slow")
            raise
        finally:
            if self._late is not None:
                self._late.cancel()
                self._late = None
            self.owner.pending.pop(self, None)
            if self.request is None and self._request_bytes:
                self.tell_refusal("bad_request")
            elif self.response is not None and self.response.status_code != _SWITCHED:
                self.tell_refusal("bad_upgrade")
            if self.request is not None:
                self.request.headers.clear()  # the parser keeps the request for ever
                self.response = None
            if self.state is not State.OPEN and self.admitted is not None:
                self.admitted.give_up()

    async def _shake_hands(self) -> None:
        """As the library's; what it awaits is one future and no set of two."""
        await self.request_rcvd
        if self.request is None:
            return
        try:
            response = await self.owner.judge(self, self.request)
        except Exception as error:
            self.protocol.handshake_exc = error
            log.exception("handshake_failed", station=self.station)
            response = self.respond(HTTPStatus.INTERNAL_SERVER_ERROR, "the gateway failed\n")
        self.response = self.protocol.accept(self.request) if response is None else response
        opens = self.response.status_code == _SWITCHED
        if opens and not self.server.is_serving():
            self.response = self.respond(HTTPStatus.SERVICE_UNAVAILABLE, "shutting down\n")
            opens = False
        if self.state is not State.CONNECTING:
            return
        if not opens:
            async with self.send_context(expected_state=State.CONNECTING):
                self.protocol.send_response(self.response)
            return
        self.protocol.send_response(self.response)
        self.send_data()

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
        """The station's address, without port; "" when it is not known.

        Without a trusted balancer that told another one, it is the peer's.
        """
        return self.told_address or peer_address(self.transport)


def _values_in(text: str) -> int:
    """About how many values a JSON text has. Brackets and commas inside its strings count too."""
    return text.count("[") + text.count("{") + text.count(",")
