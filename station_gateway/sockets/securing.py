"""TLS handshakes, from the accepted TCP connection to the moment when HTTP may begin.

A connection counts from its accept. It costs a TLS object only when its first byte has come, and
has to be through in time. When there are too many, the one that waits longest and has sent nothing
is cut for the new one; then one that began and is very slow; else the new one is cut.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import cast

from station_gateway.settings import GatewaySettings

BEGUN_PATIENCE = 5.0
"""A handshake that has begun may last this many times as long as a silent one before it is cut."""

Opened = Callable[[asyncio.Transport, bytes, float], None]
"""Called with the TLS transport, what came already, and the loop time of the accept."""
Cut = Callable[[str, str], None]
"""Called with the reason and the address of a connection that is cut."""


class TlsOpenings:
    """The TLS handshakes of one listener that are not complete."""

    def __init__(self, context: ssl.SSLContext, settings: GatewaySettings, cut: Cut) -> None:
        self.context = context
        self.settings = settings
        self.tell_cut = cut
        self._openings: dict[TlsOpening, None] = {}

    def __len__(self) -> int:
        return len(self._openings)

    def begin(self, transport: asyncio.Transport, opened: Opened) -> None:
        """Take an accepted connection; `opened` is called when its TLS stands."""
        opening = TlsOpening(self, transport, opened)
        transport.set_protocol(opening)
        if len(self) >= self.settings.max_pending_tls and not self._cut_one():
            opening.cut("too_many_pending")
            return
        self._openings[opening] = None

    def remove(self, opening: "TlsOpening") -> None:
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


class TlsOpening(asyncio.Protocol):
    """One accepted connection until its TLS stands. begin_s: loop time of the accept."""

    def __init__(self, openings: TlsOpenings, transport: asyncio.Transport, opened: Opened) -> None:
        self._loop = asyncio.get_running_loop()
        self._openings = openings
        self._transport = transport
        self._opened = opened
        self._early = b""
        self._task: asyncio.Task[None] | None = None
        self.begin_s = self._loop.time()
        limit_s = openings.settings.handshake_timeout_s
        self._timer = self._loop.call_later(limit_s, self.cut, "too_slow")

    @property
    def begun(self) -> bool:
        """Whether the station has sent a byte."""
        return self._task is not None

    def data_received(self, data: bytes) -> None:
        """Begin the handshake with the first byte."""
        self._early += data
        if self._task is None:
            self._task = self._loop.create_task(self._secure())

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """The station went away before it sent a byte."""
        self._over()

    def cut(self, why: str) -> None:
        """End the connection and tell why."""
        peer = self._transport.get_extra_info("peername")
        self._openings.tell_cut(why, str(peer[0]) if peer else "")
        self.abort()

    def abort(self) -> None:
        """End the connection at once."""
        self._over()
        self._transport.abort()

    def _over(self) -> None:
        self._timer.cancel()
        self._openings.remove(self)

    async def _secure(self) -> None:
        settings, front = self._openings.settings, _Front()
        # After the next step of the loop, in which TLS takes the transport over.
        self._loop.call_soon(self._loop.call_soon, self._hand_over)
        tls: asyncio.Transport | None = None
        try:
            with contextlib.suppress(OSError):  # also every error of TLS, which the context tells
                tls = await self._loop.start_tls(
                    self._transport,
                    front,
                    self._openings.context,
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
            self._opened(tls, front.data, self.begin_s)

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
