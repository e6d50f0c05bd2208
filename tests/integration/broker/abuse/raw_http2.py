"""A client that writes HTTP/2 frames itself, as no gRPC library does.

It begins calls with their headers and never sends their requests. Replies are not decoded: it only
sees which calls the server has ended.
"""

import asyncio
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# Length (its upper 16 bits, its lower 8), type, flags, stream.
_HEAD = struct.Struct(">HBBBL")
_HEADERS, _RST_STREAM, _SETTINGS, _PING = 1, 3, 4, 6
_ACK = _END_STREAM = 1
_END_HEADERS = 4


class RawClient:
    """One connection. `ended`: the numbers of the calls that the server has ended.

    confirms: whether it confirms the server's settings, as HTTP/2 demands.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        confirms: bool = True,
    ) -> None:
        self.ended: set[int] = set()
        self.closed = asyncio.Event()
        self._confirms = confirms
        self._reader = reader
        self._writer = writer
        self._changed = asyncio.Condition()
        self._next = 1
        writer.write(_PREFACE)
        self._write(_SETTINGS, 0, 0, b"")

    async def begin(
        self, method: str, calls: int, metadata: Mapping[str, str] | None = None
    ) -> None:
        """Send the headers of so many calls of /SERVICE/METHOD, and no request."""
        fields = {
            ":method": "POST",
            ":scheme": "http",
            ":path": method,
            ":authority": "broker",
            "te": "trailers",
            "content-type": "application/grpc",
            **(metadata or {}),
        }
        block = b"".join(_literal(name, value) for name, value in fields.items())
        for _ in range(calls):
            self._write(_HEADERS, _END_HEADERS, self._next, block)
            self._next += 2
        await self._writer.drain()

    async def until_ended(self, calls: int) -> None:
        """Wait until the server has ended so many calls."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.ended) >= calls)

    async def follow(self) -> None:
        """Read what the server sends until it closes the connection."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await self._read()
        self.closed.set()

    async def _read(self) -> None:
        upper, lower, kind, flags, stream = _HEAD.unpack(await self._reader.readexactly(9))
        payload = await self._reader.readexactly(upper << 8 | lower)
        confirmed = kind == _PING or (kind == _SETTINGS and self._confirms)
        if confirmed and not flags & _ACK:
            self._write(kind, _ACK, 0, payload if kind == _PING else b"")
        if kind == _RST_STREAM or (kind == _HEADERS and flags & _END_STREAM):
            async with self._changed:
                self.ended.add(stream)
                self._changed.notify_all()

    def _write(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        size = len(payload)
        self._writer.write(_HEAD.pack(size >> 8, size & 255, kind, flags, stream) + payload)


def _literal(name: str, value: str) -> bytes:
    """A header field that is neither indexed nor compressed (RFC 7541, 6.2.2)."""
    return b"\0" + b"".join(bytes([len(text)]) + text.encode() for text in (name, value))


@asynccontextmanager
async def raw_client(address: str, *, confirms: bool = True) -> AsyncIterator[RawClient]:
    """A connection to the server at HOST:PORT. confirms: see `RawClient`."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    client = RawClient(reader, writer, confirms=confirms)
    following = asyncio.create_task(client.follow())
    try:
        yield client
    finally:
        following.cancel()
        writer.close()
