"""A piece of network between two parts of the house, which a fault may hang or cut."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Self

from tests.support.ports import steady_port

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_CHUNK = 65_536


def tcp(address: str) -> Callable[[], Awaitable[Streams]]:
    """Connects to HOST:PORT."""
    host, _, port = address.rpartition(":")
    return lambda: asyncio.open_connection(host, int(port))


def unix(path: str) -> Callable[[], Awaitable[Streams]]:
    """Connects to a socket of the file system."""
    return lambda: asyncio.open_unix_connection(path)


class Link:
    """Listens on `address` and hands each connection to what is behind it.

    While it hangs, bytes are taken and not delivered, and none is lost; new connections are taken,
    too. While it is cut, connections end as soon as they begin.
    """

    def __init__(self, behind: Callable[[], Awaitable[Streams]]) -> None:
        self._behind = behind
        self._port = steady_port()
        self._flows = asyncio.Event()
        self._flows.set()
        self._cut = False
        self._server: asyncio.Server | None = None
        self._pairs: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        """HOST:PORT that it listens on."""
        return f"127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._begin, "127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._server is not None
        self._server.close()
        self._drop_all()
        await asyncio.gather(*self._pairs, return_exceptions=True)

    def hang(self) -> None:
        """From now on nothing is delivered, in either direction."""
        self._flows.clear()

    def cut(self) -> None:
        """Drops all connections and every new one."""
        self._cut = True
        self._drop_all()

    def mend(self) -> None:
        """All is well again; what was held back is delivered."""
        self._cut = False
        self._flows.set()

    def _drop_all(self) -> None:
        for pair in self._pairs:
            pair.cancel()

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            writer.transport.abort()
            return
        pair = asyncio.create_task(self._join(reader, writer))
        self._pairs.add(pair)
        pair.add_done_callback(self._pairs.discard)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        try:
            await self._flows.wait()
            back_reader, back_writer = await self._behind()
            ends.append(back_writer)
            await asyncio.gather(self._pump(reader, back_writer), self._pump(back_reader, writer))
        except OSError:
            pass
        finally:
            for end in ends:
                end.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(_CHUNK):
            await self._flows.wait()
            sink.write(data)
            await sink.drain()
        with suppress(OSError):
            sink.write_eof()
