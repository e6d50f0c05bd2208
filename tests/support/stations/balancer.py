"""A TCP load balancer in front of gateways, as small as can be."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Self


class Balancer:
    """Hands each connection to the first of the addresses (HOST:PORT) that takes one."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = addresses
        self._server: asyncio.Server | None = None
        self._pairs: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        """HOST:PORT that it listens on."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._begin, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_error: object) -> None:
        assert self._server is not None
        self._server.close()
        for pair in self._pairs:
            pair.cancel()
        await asyncio.gather(*self._pairs, return_exceptions=True)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pair = asyncio.create_task(self._join(reader, writer))
        self._pairs.add(pair)
        pair.add_done_callback(self._pairs.discard)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for address in self._addresses:
            host, port = address.split(":")
            with suppress(OSError):
                back_reader, back_writer = await asyncio.open_connection(host, int(port))
                break
        else:
            writer.transport.abort()
            return
        try:
            await asyncio.gather(_pump(reader, back_writer), _pump(back_reader, writer))
        finally:
            for each in (writer, back_writer):
                each.transport.abort()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    with suppress(OSError):
        sink.write_eof()
