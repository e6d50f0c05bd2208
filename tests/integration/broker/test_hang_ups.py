"""A client may go at any moment, and nothing of its call stays behind.

The collector of garbage is off here: what a call holds is given back by the end of the call.
"""

import asyncio
import gc
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest
from evcommand.v1 import remote_command_service_pb2 as pb
from temporalio.client import Client

from broker.auth import Authenticator
from broker.calls import CallInterceptor
from broker.commands.table import METHOD_RIGHTS
from broker.process import running_broker
from broker.reading.open_watches import OpenWatches
from broker.settings import BrokerSettings
from fleet.database import Database
from tests.support.benches.broker_house import WAIT_S, House, dialled

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROUNDS = 40
LARGE = b"x" * (1 << 20)


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


class Streams:
    """Methods that send more than a client takes, each out of a generator in a generator."""

    def __init__(self, watches: OpenWatches) -> None:
        self.watches = watches

    async def _source(self) -> AsyncGenerator[bytes, None]:
        with self.watches.one_more():
            while True:
                yield LARGE

    async def flood(self, _request: bytes, _context: Any) -> AsyncGenerator[bytes, None]:
        async with aclosing(self._source()) as replies:
            async for reply in replies:
                yield reply

    async def echo(
        self, requests: AsyncIterator[bytes], _context: Any
    ) -> AsyncGenerator[bytes, None]:
        with self.watches.one_more():
            async for _ in requests:
                yield LARGE

    async def write(self, _request: bytes, context: Any) -> None:
        with self.watches.one_more():
            while True:
                await context.write(LARGE)


@asynccontextmanager
async def flooding(streams: Streams) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a server with these methods, behind the broker's interceptor."""
    interceptor = CallInterceptor(Authenticator((), rights=METHOD_RIGHTS), BrokerSettings())
    server = grpc.aio.server(interceptors=[interceptor])
    handlers: dict[str, Any] = {
        "flood": grpc.unary_stream_rpc_method_handler(streams.flood),
        "write": grpc.unary_stream_rpc_method_handler(streams.write),
        "echo": grpc.stream_stream_rpc_method_handler(streams.echo),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("t.T", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    await server.stop(0)


async def all_given_back(watches: OpenWatches) -> None:
    async with asyncio.timeout(WAIT_S):
        while watches.count:
            await asyncio.sleep(0.005)


def call_of(channel: Any, method: str) -> Any:
    if method == "echo":
        return channel.stream_stream(f"/t.T/{method}")(b"" for _ in range(3))
    return channel.unary_stream(f"/t.T/{method}")(b"")


@pytest.mark.parametrize("method", ["flood", "write", "echo"])
@pytest.mark.parametrize("read", [True, False])
async def test_a_client_that_goes_while_a_reply_is_written_gives_its_place_back(
    method: str, read: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    streams = Streams(OpenWatches(ROUNDS))
    async with flooding(streams) as channel:
        for _ in range(ROUNDS):
            call = call_of(channel, method)
            if read:
                await call.read()
            else:
                await asyncio.sleep(0)
            call.cancel()
        await all_given_back(streams.watches)
    shown = "".join(capsys.readouterr())
    assert "Traceback" not in shown
    assert "call_failed" not in shown


async def test_a_watch_that_is_cancelled_at_any_moment_gives_its_place_back(
    house: House, client: Client, db: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = BrokerSettings(listen="127.0.0.1:0", max_watches=1, drain_s=0.5)
    name = (await house.broker.start(await house.offline_station())).name
    async with running_broker(db, client, settings) as broker, dialled(broker.address) as small:
        for _ in range(ROUNDS):
            call = small.commands.WatchCommands(pb.WatchCommandsRequest(names=[name]))
            await _first(small, call, name)
    assert "call_failed" not in "".join(capsys.readouterr())


async def _first(small: Any, call: Any, name: str) -> None:
    """Reads one message and goes; tries again while the place of the last one is not free."""
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                await call.read()
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.002)
                call = small.commands.WatchCommands(pb.WatchCommandsRequest(names=[name]))
            else:
                call.cancel()
                return
