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
from websockets.exceptions import ConnectionClosed, TooManyFragments
from websockets.protocol import Event, State

from station_gateway.settings import GatewaySettings
from station_gateway.sockets.handshake import Admitted
from station_gateway.sockets.intake import Hold, Intake
from station_gateway.sockets.limits import TokenBucket
from station_gateway.sockets.refusals import Refusals
from station_gateway.sockets.securing import Openings, peer_address
from station_gateway.stations.ports import SocketGone
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


class StationSocket(ServerConnection):
    """One websocket of a station.

    owner: the server that accepted it. admitted: the station, once the handshake was judged.
    told_address: the station's address, if a trusted balancer told it, else "".
    heard_s: loop time when the last byte came. pinged: a ping of ours has no answer yet.
    """

    owner: ClassVar[SocketOwner]
    admitted: Admitted | None = None
    station: str = ""
    told_address: str = ""
    heard_s: float = 0.0
    pinged: bool = False
    intake: Intake
    _end: str = "closed"
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
            message = await self.recv_messages.get()
        except EOFError as error:
            raise SocketGone(self._end) from error
        except UnicodeDecodeError as error:
            self.hang_up(1007, "text that is not UTF-8")
            raise SocketGone("not_utf8") from error
        except TooManyFragments as error:
            self.hang_up(1009, "too many fragments")
            raise SocketGone("too_many_fragments") from error
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

    async def answers(self, within_s: float) -> bool:
        """Whether the peer answers a ping in this time, and does not close instead."""
        try:
            async with asyncio.timeout(within_s):
                await (await self.ping())
        except (TimeoutError, ConnectionClosed):
            return False
        return True

    def hang_up(self, code: int, reason: str) -> None:
        """Start closing without waiting. TCP ends after the closing timeout at the latest."""
        if self.state is State.OPEN:
            self.protocol.send_close(code, reason)
            self.send_data()
            self.recv_messages.close()
            self.loop.call_later(self.owner.settings.close_timeout_s, self.transport.abort)


def _values_in(text: str) -> int:
    """About how many values a JSON text has. Brackets and commas inside its strings count too."""
    return text.count("[") + text.count("{") + text.count(",")
