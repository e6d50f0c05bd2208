"""The network between the parts of the house hangs, is cut, and is mended."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from tests.chaos.network import Link, Streams, tcp

LIMIT_S = 5.0
Connect = Callable[[], Awaitable[Streams]]


@pytest.fixture
async def link() -> AsyncIterator[Link]:
    """A link to a server that says everything back."""
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with server, Link(tcp(f"{host}:{port}")) as link:
        yield link


@pytest.fixture
async def connect(link: Link) -> AsyncIterator[Connect]:
    """Connects to the link."""
    async with AsyncExitStack() as stack:

        async def connected() -> Streams:
            streams = await tcp(link.address)()
            stack.callback(_abort, streams)
            return streams

        yield connected
        await asyncio.sleep(0)  # the transports end


def _abort(streams: Streams) -> None:
    streams[1].transport.abort()


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(100):
            writer.write(data)
    except ConnectionError:
        pass
    finally:
        writer.transport.abort()


async def heard(reader: asyncio.StreamReader) -> bytes:
    """The next bytes; b"" when the connection has ended, in whatever way."""
    async with asyncio.timeout(LIMIT_S):
        try:
            return await reader.read(100)
        except ConnectionError:
            return b""


async def test_bytes_pass_in_both_directions(connect: Connect) -> None:
    reader, writer = await connect()
    writer.write(b"hello")
    assert await heard(reader) == b"hello"


async def test_what_hangs_is_delivered_when_it_is_mended(link: Link, connect: Connect) -> None:
    reader, writer = await connect()
    link.hang()
    writer.write(b"hello")
    waiting = asyncio.create_task(heard(reader))
    other, late = await connect()  # is taken, and hangs as well
    late.write(b"too")
    assert not waiting.done()
    link.mend()
    assert (await waiting, await heard(other)) == (b"hello", b"too")


async def test_a_cut_ends_connections_and_takes_no_new_ones(link: Link, connect: Connect) -> None:
    reader, _ = await connect()
    link.cut()
    other, _ = await connect()
    assert (await heard(reader), await heard(other)) == (b"", b"")


async def test_a_cut_is_mended(link: Link, connect: Connect) -> None:
    link.cut()
    link.mend()
    reader, writer = await connect()
    writer.write(b"hello")
    assert await heard(reader) == b"hello"
