"""Behind a balancer the station's own address counts, as the balancer tells it, and nobody else."""

import asyncio
import base64
import contextlib
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from station_gateway.proxies import SIGNATURE
from tests.support.benches.gateway_bench import PASSWORD, Bench
from tests.support.certificates import station_certificate
from tests.support.stations.scripted_station import eventually

STATION, OTHER = "203.0.113.9", "203.0.113.10"
HERE = "127.0.0.1"
GUESS = "guess-guess-guess"
TOLD = {"trusted_proxies": HERE, "proxy_protocol": True}
FORWARDED = {"trusted_proxies": HERE, "forwarded_for": True}


def told(address: str, *, command: int = 0x21) -> bytes:
    """A PROXY header of version 2 that tells this IPv4 address."""
    source = ip_address(address).packed
    return SIGNATURE + bytes([command, 0x11, 0, 12]) + source + b"\x7f\0\0\1\x12\x34\x23\x28"


def request(password: str, *lines: str) -> bytes:
    encoded = base64.b64encode(f"S1:{password}".encode()).decode()
    head = [
        "GET /ocpp/S1 HTTP/1.1",
        "Host: csms.example",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: ocpp1.6",
        f"Authorization: Basic {encoded}",
    ]
    return "".join(f"{line}\r\n" for line in [*head, *lines, ""]).encode()


async def answer(
    bench: Bench, *parts: bytes, tls_after: int | None = None
) -> tuple[int, list[dict[str, Any]]]:
    """Send the parts, one by one. The HTTP status (0: none came), and the lines of refusals.

    tls_after: how many parts go before TLS; None for no TLS.
    """
    with capture_logs() as lines:
        reader, writer = await asyncio.open_connection(HERE, bench.gateway.port)
        for number, part in enumerate(parts):
            if number == tls_after:
                await writer.start_tls(trusting())
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(60):
                first = await reader.readline()
                status = int(first.split()[1]) if first else 0
                if status != 101:
                    await reader.read()
        writer.transport.abort()
        if status != 101:
            await eventually(lambda: any(line["event"] == "handshake_refused" for line in lines))
    return status, [dict(line) for line in lines if line["event"] == "handshake_refused"]


def trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def test_the_address_that_a_balancer_tells_is_the_one_of_limits_and_logs(
    bench: Bench,
) -> None:
    await bench.restart(**TOLD, address_failures=2)
    await bench.register("S1")
    statuses = []
    for address in (STATION, STATION, STATION, OTHER):
        status, (line,) = await answer(bench, told(address) + request(GUESS))
        statuses.append(status)
        assert line["address"] == address
    assert statuses == [401, 401, 429, 401]
    assert (await answer(bench, told(STATION) + request(PASSWORD)))[0] == 101


@pytest.mark.parametrize("split", [1, 14, 28])
async def test_a_header_may_come_in_pieces_and_before_tls(
    bench: Bench, tmp_path: Path, split: int
) -> None:
    certificate, key = station_certificate(tmp_path, "ec")
    await bench.restart(**TOLD, tls_certificate=str(certificate), tls_key=str(key))
    await bench.register("S1")
    header = told(STATION)
    parts = (header[:split], header[split:])
    status, (line,) = await answer(bench, *parts, request(GUESS), tls_after=2)
    assert (status, line["address"]) == (401, STATION)
    assert (await answer(bench, *parts, request(PASSWORD), tls_after=2))[0] == 101


@pytest.mark.parametrize(
    "first", [request(PASSWORD), SIGNATURE + b"\x21\x55\x00\x00", told(STATION, command=0x11)]
)
async def test_a_trusted_balancer_that_tells_no_address_rightly_is_refused(
    bench: Bench, first: bytes
) -> None:
    await bench.restart(**TOLD)
    await bench.register("S1")
    status, (line,) = await answer(bench, first)
    assert (status, line["reason"], line["address"]) == (0, "bad_proxy_header", HERE)
    assert "remedy" in line


async def test_a_header_that_does_not_end_is_cut_in_time(bench: Bench) -> None:
    await bench.restart(**TOLD, handshake_timeout_s=0.3)
    status, (line,) = await answer(bench, told(STATION)[:20])
    assert (status, line["reason"]) == (0, "too_slow")


async def test_headers_that_do_not_end_are_counted_and_the_silent_ones_cut_for_others(
    bench: Bench,
) -> None:
    await bench.restart(**TOLD, max_pending_tls=3, slow_handshake_s=0.0)
    await bench.register("S1")
    held = [await asyncio.open_connection(HERE, bench.gateway.port) for _ in range(3)]
    for _, writer in held:
        writer.write(told(STATION)[:20])
    assert (await answer(bench, told(OTHER) + request(PASSWORD)))[0] == 101
    with contextlib.suppress(ConnectionError):
        assert await held[0][0].read() == b""
    for _, writer in held:
        writer.transport.abort()


async def test_a_balancer_that_asks_for_itself_has_its_own_address(bench: Bench) -> None:
    await bench.restart(**TOLD)
    status, (line,) = await answer(bench, told(STATION, command=0x20) + request(GUESS))
    assert (status, line["address"]) == (401, HERE)


async def test_a_stranger_cannot_tell_another_address(bench: Bench) -> None:
    await bench.restart(trusted_proxies="192.0.2.1", proxy_protocol=True, forwarded_for=True)
    await bench.register("S1")
    status, (line,) = await answer(bench, told(STATION) + request(GUESS))
    assert (status != 101, line["reason"], line["address"]) == (True, "bad_request", HERE)
    status, (line,) = await answer(bench, request(GUESS, f"X-Forwarded-For: {STATION}"))
    assert (status, line["address"]) == (401, HERE)
    assert (await answer(bench, request(PASSWORD)))[0] == 101


@pytest.mark.parametrize(
    ("lines", "address"),
    [
        ([f"X-Forwarded-For: {STATION}"], STATION),
        ([f"X-Forwarded-For: 6.6.6.6, {STATION}"], STATION),
        (["X-Forwarded-For: 6.6.6.6", f"x-forwarded-for: {STATION}, {HERE}"], STATION),
        (["X-Forwarded-For: nonsense"], HERE),
        ([], HERE),
    ],
)
async def test_the_address_that_a_trusted_proxy_forwards_counts(
    bench: Bench, lines: list[str], address: str
) -> None:
    await bench.restart(**FORWARDED)
    status, (line,) = await answer(bench, request(GUESS, *lines))
    assert (status, line["address"]) == (401, address)


async def test_without_the_setting_a_forwarded_address_is_ignored(bench: Bench) -> None:
    await bench.restart(**TOLD)
    first = told(STATION) + request(GUESS, f"X-Forwarded-For: {OTHER}")
    status, (line,) = await answer(bench, first)
    assert (status, line["address"]) == (401, STATION)
