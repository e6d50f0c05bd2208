"""From the accepted TCP connection to the moment when HTTP may begin: PROXY header, then TLS.

A connection counts from its accept. It costs a TLS object only when its first byte has come, and
has to be through in time. When there are too many, the one that waits longest and has sent nothing
is cut for the new one; then one that began and is very slow; else the new one is cut.

Of a trusted balancer a PROXY header is awaited, when the settings say so, and of nobody else.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import cast

from station_gateway.proxies import BadProxyHeader, TrustedProxies, read_proxy_header
from station_gateway.settings import GatewaySettings
from station_gateway.sockets.tls import StationCertificates

BEGUN_PATIENCE = 5.0
"""A handshake that has begun may last this many times as long as a silent one before it is cut."""

Opened = Callable[[asyncio.Transport, bytes, float, str], None]
"""Called with the transport for HTTP, what came already, the loop time of the accept, and the
station's address if a balancer told it, else ""."""
Cut = Callable[[str, str], None]
"""Called with the reason and the address of a connection that is cut."""


class Openings:
    """The connections of one listener for which HTTP may not begin yet."""

    def __init__(
        self, certificates: StationCertificates | None, settings: GatewaySettings, cut: Cut
    ) -> None:
        self._certificates = certificates
        self.settings = settings
        self.tell_cut = cut
        self._proxies = TrustedProxies(settings.trusted_proxies)
        self._openings: dict[Opening, None] = {}

    def __len__(self) -> int:
        return len(self._openings)

    @property
    def context(self) -> ssl.SSLContext | None:
        """TLS of the next handshake; None without TLS."""
        return None if self._certificates is None else self._certificates.current

    def begins_with_header(self, transport: asyncio.Transport) -> bool:
        """Whether the peer is a balancer that tells a station's address first."""
        return self.settings.proxy_protocol and peer_address(transport) in self._proxies

    def concern(self, transport: asyncio.Transport) -> bool:
        """Whether anything comes before HTTP on this connection."""
        return self.context is not None or self.begins_with_header(transport)

    def station_address(self, address: str, forwarded: list[str]) -> str:
        """The station's address. forwarded: the lines of X-Forwarded-For in its request."""
        if not self.settings.forwarded_for:
            return address
        return self._proxies.station_address(address, forwarded)

    def begin(self, transport: asyncio.Transport, opened: Opened) -> None:
        """Take an accepted connection; `opened` is called when HTTP may begin."""
        opening = Opening(self, transport, opened)
        transport.set_protocol(opening)
        if len(self) >= self.settings.max_pending_tls and not self._cut_one():
            opening.cut("too_many_pending")
            return
        self._openings[opening] = None

    def remove(self, opening: "Opening") -> None:
        """Forget a handshake that is complete or over."""
        self._openings.pop(opening, None)

    def end(self) -> None:
        """Cut all of them: nothing is taken any more."""
        for opening in list(self._openings):
            opening.abort()

    def _cut_one(self) -> bool:
        """Cut the handshake that waits longest, if one waits too long."""
        now_s = asyncio.get_running_loop().time()
        for patience, begun in ((1.0, False), (BEGUN_PATIENCE, True)):
            for opening in self._openings:
                if now_s - opening.begin_s < patience * self.settings.slow_handshake_s:
                    break
                if opening.begun is begun:
                    opening.cut("slow")
                    return True
        return False


def peer_address(transport: asyncio.BaseTransport) -> str:
    """The address at the other end of TCP, without port; "" when it is not known."""
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if peer else ""


class Opening(asyncio.Protocol):
    """One accepted connection until HTTP may begin. begin_s: loop time of the accept."""

    def __init__(self, openings: Openings, transport: asyncio.Transport, opened: Opened) -> None:
        self._loop = asyncio.get_running_loop()
        self._openings = openings
        self._transport = transport
        self._opened = opened
        self._early = b""
        self._header_due = openings.begins_with_header(transport)
        self._told_address = ""
        self._task: asyncio.Task[None] | None = None
        self.begin_s = self._loop.time()
        limit_s = openings.settings.handshake_timeout_s
        self._timer = self._loop.call_later(limit_s, self.cut, "too_slow")

    @property
    def begun(self) -> bool:
        """Whether the station has sent a byte of TLS."""
        return self._task is not None

    def data_received(self, data: bytes) -> None:
        """Read the PROXY header if one is due, then begin TLS with the first byte of it."""
        self._early += data
        if self._header_due and not self._header_taken():
            return
        if self._openings.context is None:
            self._over()
            self._opened(self._transport, self._early, self.begin_s, self._told_address)
        elif self._early and self._task is None:
            self._task = self._loop.create_task(self._secure(self._openings.context))

    def _header_taken(self) -> bool:
        """Whether the header is complete; its bytes are gone then."""
        try:
            header = read_proxy_header(self._early)
        except BadProxyHeader:
            self.cut("bad_proxy_header")
            return False
        if header is None:
            return False
        self._header_due = False
        self._told_address = header.address
        self._early = self._early[header.length :]
        return True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The station went away before it sent a byte."""
        self._over()

    def cut(self, why: str) -> None:
        """End the connection and tell why."""
        self._openings.tell_cut(why, self._told_address or peer_address(self._transport))
        self.abort()

    def abort(self) -> None:
        """End the connection at once."""
        self._over()
        self._transport.abort()

    def _over(self) -> None:
        self._timer.cancel()
        self._openings.remove(self)

    async def _secure(self, context: ssl.SSLContext) -> None:
        settings, front = self._openings.settings, _Front()
        # After the next step of the loop, in which TLS takes the transport over.
        self._loop.call_soon(self._loop.call_soon, self._hand_over)
        tls: asyncio.Transport | None = None
        try:
            with contextlib.suppress(OSError):  # also every error of TLS, which the context tells
                tls = await self._loop.start_tls(
                    self._transport,
                    front,
                    context,
                    server_side=True,
                    ssl_handshake_timeout=settings.handshake_timeout_s,
                    ssl_shutdown_timeout=settings.close_timeout_s,
                )
        finally:
            self._over()
            if tls is None or tls.is_closing() or front.lost:
                tls = None
                self._transport.abort()
        if tls is not None:
            self._opened(tls, front.data, self.begin_s, self._told_address)

    def _hand_over(self) -> None:
        """Give TLS the bytes that came before it had the transport."""
        if self._transport.is_closing():
            return
        taker = cast(asyncio.BufferedProtocol, self._transport.get_protocol())
        data, self._early = self._early, b""
        while data:
            buffer = memoryview(taker.get_buffer(len(data)))
            count = min(len(buffer), len(data))
            buffer[:count] = data[:count]
            taker.buffer_updated(count)
            data = data[count:]


class _Front(asyncio.Protocol):
    """Keeps what comes between the end of the handshake and the moment when HTTP takes over."""

    def __init__(self) -> None:
        self.data = b""
        self.lost = False

    def data_received(self, data: bytes) -> None:
        self.data += data

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.lost = True
