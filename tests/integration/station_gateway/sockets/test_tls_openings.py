"""TLS handshakes that never begin, or never end: counted from the accept, and cut in time."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvloop
from structlog.testing import capture_logs
from websockets.asyncio.client import connect

from fleet.database import Database
from fleet.keys import load_passwords, load_sealer
from tests.support.benches.gateway_bench import PASSWORD, Bench, quick
from tests.support.certificates import station_certificate
from tests.support.databases import new_sqlite
from tests.support.stations.scripted_station import ScriptedStation, basic

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
CLIENT_HELLO_BEGINS = b"\x16"


def trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def with_tls(bench: Bench, folder: Path, **changed: float) -> None:
    certificate, key = station_certificate(folder, "ec")
    await bench.restart(tls_certificate=str(certificate), tls_key=str(key), **changed)


async def accepted(bench: Bench, count: int, first: bytes = b"") -> list[Connection]:
    """TCP connections that send these bytes and then nothing."""
    made = [await asyncio.open_connection("127.0.0.1", bench.gateway.port) for _ in range(count)]
    for _, writer in made:
        writer.write(first)
    return made


async def ended(connection: Connection) -> bool:
    """Wait for the end of a connection."""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(5):
            await connection[0].read()
    return True


def leave(connections: list[Connection]) -> None:
    for _, writer in connections:
        writer.transport.abort()


@contextlib.asynccontextmanager
async def secure_station(bench: Bench, name: str) -> AsyncIterator[ScriptedStation]:
    await bench.register(name)
    async with connect(
        f"wss://127.0.0.1:{bench.gateway.port}/ocpp/{name}",
        ssl=trusting(),
        subprotocols=["ocpp1.6"],  # type: ignore[list-item]
        additional_headers=basic(name, PASSWORD),
    ) as socket:
        station = ScriptedStation(socket)
        yield station
        await station.leave()


async def test_tls_handshakes_that_never_begin_are_counted_from_the_accept(
    bench: Bench, tmp_path: Path
) -> None:
    await with_tls(bench, tmp_path, max_pending_tls=5, slow_handshake_s=60.0)
    held = await accepted(bench, 5)
    with capture_logs() as lines:
        (one_more,) = await accepted(bench, 1)
        assert await ended(one_more)
    told = [line["reason"] for line in lines if line["event"] == "handshake_refused"]
    assert told == ["too_many_pending"]
    leave([*held, one_more])


async def test_the_longest_waiting_silent_one_is_cut_for_a_station(
    bench: Bench, tmp_path: Path
) -> None:
    await with_tls(bench, tmp_path, max_pending_tls=5, slow_handshake_s=0.05)
    held = await accepted(bench, 5)
    await asyncio.sleep(0.1)  # they are slow now
    async with secure_station(bench, "S1") as station:
        assert "currentTime" in await station.call("Heartbeat", {})
        assert await ended(held[0])
        assert not any(reader.at_eof() for reader, _ in held[1:])
    leave(held)


async def test_one_that_began_is_cut_when_it_is_very_slow(bench: Bench, tmp_path: Path) -> None:
    await with_tls(bench, tmp_path, max_pending_tls=3, slow_handshake_s=0.05)
    held = await accepted(bench, 3, CLIENT_HELLO_BEGINS)
    await asyncio.sleep(0.3)
    async with secure_station(bench, "S1") as station:
        assert "currentTime" in await station.call("Heartbeat", {})
        assert await ended(held[0])
    leave(held)


@pytest.mark.parametrize("first", [b"", CLIENT_HELLO_BEGINS])
async def test_a_tls_handshake_that_does_not_end_is_cut_in_time(
    bench: Bench, tmp_path: Path, first: bytes
) -> None:
    await with_tls(bench, tmp_path, handshake_timeout_s=0.3)
    (held,) = await accepted(bench, 1, first)
    begin = time.monotonic()
    with capture_logs() as lines:
        assert await ended(held)
    assert time.monotonic() - begin < 2.0
    told = [line["reason"] for line in lines if line["event"] == "handshake_refused"]
    assert told == ["too_slow"]
    leave([held])


async def test_tls_and_http_together_have_one_time_limit(bench: Bench, tmp_path: Path) -> None:
    await with_tls(bench, tmp_path, handshake_timeout_s=1.5)
    begin = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", bench.gateway.port)
    await asyncio.sleep(1.0)
    await writer.start_tls(trusting())
    writer.write(b"GET /ocpp/S1 HTTP/1.1\r\n")
    assert await ended((reader, writer))
    assert 1.4 < time.monotonic() - begin < 2.3
    leave([(reader, writer)])


async def test_a_gateway_that_stops_waits_for_no_tls_handshake(
    bench: Bench, tmp_path: Path
) -> None:
    await with_tls(bench, tmp_path)
    held = await accepted(bench, 2) + await accepted(bench, 2, CLIENT_HELLO_BEGINS)
    async with asyncio.timeout(3):
        await bench.gateway.drain()
    assert all([await ended(each) for each in held])
    leave(held)


def test_stations_connect_with_tls_also_on_the_event_loop_of_the_processes(tmp_path: Path) -> None:
    async def scenario() -> None:
        db = await Database.open(await new_sqlite(tmp_path / "fleet.sqlite"), migrate=False)
        bench = Bench(db, await load_sealer(db), await load_passwords(db), quick())
        await bench.start()
        await with_tls(bench, tmp_path, max_pending_tls=4, handshake_timeout_s=1.0)
        held = await accepted(bench, 1) + await accepted(bench, 1, CLIENT_HELLO_BEGINS)
        for number in range(20):
            async with secure_station(bench, f"S{number}") as station:
                assert "currentTime" in await station.call("Heartbeat", {})
        assert all([await ended(each) for each in held])
        leave(held)
        await bench.stop()
        await db.close()

    uvloop.run(scenario())
