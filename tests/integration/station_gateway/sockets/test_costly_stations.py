"""What a station sends beside messages is not free: pings, bytes, and bytes of ours it leaves."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial

from tests.support.benches.gateway_bench import PASSWORD, Bench
from tests.support.stations.scripted_station import ScriptedStation, basic, eventually

PING = b"\x89\x80\0\0\0\0"
"""An empty ping of a client, masked with zeros."""
LARGE_PING = b"\x89\xfd\0\0\0\0" + b"x" * 125


class PingingStation:
    """A websocket of which the test writes and reads the bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.pongs = 0

    async def count_pongs(self) -> None:
        """Reads empty pongs until the end of the socket."""
        while data := await self.reader.read(65536):
            self.pongs += data.count(b"\x8a\x00")


@contextlib.asynccontextmanager
async def raw_station(bench: Bench, name: str) -> AsyncIterator[PingingStation]:
    """A registered station whose websocket is open."""
    await bench.register(name)
    host, port = bench.gateway.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    key, value = next(iter(basic(name, PASSWORD).items()))
    writer.write(
        f"GET /ocpp/{name} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {'A' * 22}==\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Protocol: ocpp1.6\r\n{key}: {value}\r\n\r\n".encode()
    )
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    await eventually(lambda: bench.gateway.registry.get(name) is not None)
    yield PingingStation(reader, writer)
    writer.transport.abort()


async def heartbeats(station: ScriptedStation, times: int) -> None:
    for _ in range(times):
        assert "currentTime" in await station.call("Heartbeat", {})


async def test_pings_are_answered_no_faster_than_their_cost_allows(bench: Bench) -> None:
    async with bench.station("GOOD") as good, raw_station(bench, "BAD") as bad:
        counting = asyncio.create_task(bad.count_pongs())
        bad.writer.write(PING * 20_000)
        await eventually(lambda: bad.pongs > 100)
        await heartbeats(good, 20)
        assert bad.pongs < 2_000
        counting.cancel()


async def test_a_station_within_its_rate_gets_each_pong(bench: Bench) -> None:
    async with raw_station(bench, "S1") as station:
        counting = asyncio.create_task(station.count_pongs())
        station.writer.write(PING * 300)
        await eventually(lambda: station.pongs == 300)
        counting.cancel()


async def test_pings_beyond_the_rate_are_answered_later_none_is_lost(bench: Bench) -> None:
    await bench.restart(byte_rate=1e6, byte_burst=20_000)
    async with raw_station(bench, "S1") as station:
        counting = asyncio.create_task(station.count_pongs())
        station.writer.write(PING * 1_000)
        await eventually(lambda: station.pongs == 1_000)
        counting.cancel()


async def test_pongs_that_a_station_does_not_read_fill_no_memory_and_cut_it(bench: Bench) -> None:
    await bench.restart(byte_rate=1e12, write_timeout_s=0.5)
    async with asyncio.timeout(30), raw_station(bench, "BAD") as bad:
        bad.writer.transport.pause_reading()  # type: ignore[attr-defined]
        station = bench.gateway.registry.get("BAD")
        assert station is not None
        most, drains = 0, list[asyncio.Task[None]]()
        with contextlib.suppress(ConnectionError):  # it is cut
            while bench.gateway.registry.get("BAD") is not None:
                bad.writer.write(LARGE_PING * 5_000)
                drains.append(asyncio.ensure_future(bad.writer.drain()))
                await asyncio.wait(drains[-1:], timeout=0.05)
                transport = station.socket.transport  # type: ignore[attr-defined]
                most = max(most, transport.get_write_buffer_size())
        await asyncio.gather(*drains, return_exceptions=True)
        assert most < 256 * 1024
    assert bench.gateway.registry.get("BAD") is None


async def test_bytes_of_messages_count_and_not_only_their_number(bench: Bench) -> None:
    await bench.restart(byte_rate=1.0, byte_burst=300_000)
    async with (
        bench.station("GOOD") as good,
        bench.station("BAD", subprotocol="ocpp2.0.1", boot=False) as bad,
    ):
        padding = " " * 200_000
        for number in range(3):
            await bad.send(f'[2,"{number}",{padding}"Heartbeat",{{}}]')
        await eventually(lambda: bool(bad.frames))
        await heartbeats(good, 20)
        assert [frame[1] for frame in bad.frames if frame[0] == 3] == ["0"]


async def test_a_large_message_within_the_burst_is_taken_at_once(bench: Bench) -> None:
    async with bench.station("S1", subprotocol="ocpp2.0.1") as station:
        await station.send(f'[2,"large",{" " * 260_000}"Heartbeat",{{}}]')
        await eventually(lambda: any(frame[:2] == [3, "large"] for frame in station.frames))


async def test_the_values_of_messages_count_and_not_only_their_bytes(bench: Bench) -> None:
    await bench.restart(byte_rate=1.0, byte_burst=300_000)
    async with (
        bench.station("GOOD") as good,
        bench.station("BAD", subprotocol="ocpp2.0.1", boot=False) as bad,
    ):
        values = ",".join("1" * 12_000)
        for count, number in enumerate(("0", "1"), start=1):
            await bad.send(f'[2,"{number}","Heartbeat",{{"x":[{values}]}}]')
            await eventually(partial(has_answers, bad, count))
        await bad.send('[2,"2","Heartbeat",{}]')
        await heartbeats(good, 20)
        assert has_answers(bad, 2)


def has_answers(station: ScriptedStation, count: int) -> bool:
    return len([frame for frame in station.frames if frame[0] == 3]) == count
