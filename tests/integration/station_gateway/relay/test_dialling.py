"""The back end (CSMS) is dialled inside the station's handshake, and decides who may connect."""

import asyncio
import contextlib
import socket
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from fleet import stations
from tests.support.benches.gateway_bench import Bench
from tests.support.certificates import pki
from tests.support.relay.back_end import BackEnd, Refusal
from tests.support.stations.scripted_station import connected, eventually


async def test_the_back_end_gets_the_identity_the_subprotocol_and_the_credentials(
    relay: Bench, back_end: BackEnd
) -> None:
    async with connected(relay.url("CP%2F7"), "a-password-of-theirs", user="CP/7"):
        (request,) = back_end.requests
    assert request.path == "/csms/CP%2F7"
    assert request.headers["Sec-WebSocket-Protocol"] == "ocpp1.6"
    assert request.headers["Authorization"] == "Basic Q1AvNzphLXBhc3N3b3JkLW9mLXRoZWlycw=="
    assert request.headers["X-Forwarded-For"] == "127.0.0.1"


async def test_a_station_is_known_as_soon_as_the_back_end_let_it_in(
    relay: Bench, back_end: BackEnd
) -> None:
    async with connected(relay.url("NEW"), "a-password-of-theirs"), relay.db.read() as tx:
        known = await stations.get(tx, "NEW")
    assert known is not None
    assert (known.registered, known.tenant) == (False, "default")


@pytest.mark.parametrize("status", [401, 403, 404, 429, 503])
async def test_the_refusal_of_the_back_end_is_the_stations_answer(
    relay: Bench, back_end: BackEnd, status: int
) -> None:
    back_end.refusal = Refusal(status, {"Retry-After": "17"})
    with pytest.raises(InvalidStatus) as refused:
        async with connected(relay.url("S1"), "a-password-of-theirs"):
            raise AssertionError("admitted")
    assert refused.value.response.status_code == status
    assert refused.value.response.headers["Retry-After"] == "17"
    async with relay.db.read() as tx:
        assert await stations.get(tx, "S1") is None


async def test_a_redirect_of_the_back_end_is_not_followed(relay: Bench, back_end: BackEnd) -> None:
    back_end.refusal = Refusal(302, {"Location": back_end.url})
    with pytest.raises(InvalidStatus) as refused:
        async with connected(relay.url("S1")):
            raise AssertionError("admitted")
    assert refused.value.response.status_code == 502
    assert len(back_end.requests) == 1


async def test_a_back_end_that_is_down_is_a_bad_gateway(bench: Bench) -> None:
    await bench.restart(upstream_url="ws://127.0.0.1:1/{station}")
    with pytest.raises(InvalidStatus) as refused:
        async with connected(bench.url("S1")):
            raise AssertionError("admitted")
    assert refused.value.response.status_code == 502


async def test_a_back_end_that_does_not_answer_is_given_up(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        await bench.restart(upstream_url=f"ws://127.0.0.1:{port}/", upstream_timeout_s=0.05)
        with pytest.raises(InvalidStatus) as refused:
            async with connected(bench.url("S1")):
                raise AssertionError("admitted")
    assert refused.value.response.status_code == 504


@pytest.mark.parametrize(
    ("name", "vouched", "status"),
    [("localhost", True, 101), ("localhost", False, 502), ("another.example", True, 502)],
)
async def test_the_certificate_of_the_back_end_is_checked(
    bench: Bench, tmp_path: Path, name: str, vouched: bool, status: int
) -> None:
    made = pki(tmp_path, name)
    async with BackEnd(made.server).running("ocpp1.6") as secure:
        ca_file = made.ca_file if vouched else ""
        await bench.restart(upstream_url=secure.url, upstream_ca=ca_file)
        try:
            async with connected(bench.url("S1"), "a-password-of-theirs"):
                got = 101
        except InvalidStatus as refused:
            got = refused.response.status_code
        await bench.stop()
    assert got == status
    assert len(secure.requests) == (status == 101)


async def test_an_offer_that_is_not_spoken_here_is_refused_without_dialling(
    relay: Bench, back_end: BackEnd
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connected(relay.url("S1"), subprotocol="ocpp1.5"):
            raise AssertionError("admitted")
    assert refused.value.response.status_code == 400
    assert back_end.requests == []


async def test_when_the_back_end_ends_the_station_is_told_to_come_again(
    relay: Bench, back_end: BackEnd
) -> None:
    async with connected(relay.url("S1")) as station:
        back_end.socket.transport.abort()
        assert await station.closed() == 1012


async def test_a_back_end_that_is_dead_is_noticed(relay: Bench, back_end: BackEnd) -> None:
    await relay.restart(ping_interval_s=0.05, ping_timeout_s=0.05, sweep_interval_s=0.02)
    async with connected(relay.url("S1")) as station:
        back_end.socket.transport.pause_reading()
        assert await station.closed() == 1012


async def test_a_back_end_that_takes_no_bytes_is_given_up(relay: Bench, back_end: BackEnd) -> None:
    await relay.restart(write_timeout_s=0.05, message_burst=1_000, byte_burst=10**8)
    async with connected(relay.url("S1")) as station:
        back_end.socket.transport.pause_reading()
        big = '[2,"1","DataTransfer",{"vendorId":"V","data":"' + "x" * 60_000 + '"}]'
        with contextlib.suppress(ConnectionClosed):
            for _ in range(400):
                await station.send(big)
        assert await station.closed() == 1012


async def test_when_the_station_is_gone_the_back_end_sees_it(
    relay: Bench, back_end: BackEnd
) -> None:
    async with connected(relay.url("S1")) as station:
        station.drop()
        await asyncio.wait_for(back_end.socket.wait_closed(), 5)


async def test_a_station_that_leaves_within_the_handshake_leaves_nothing_open(
    relay: Bench, back_end: BackEnd
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.gateway.port)
    writer.write(b"GET /ocpp/S1 HTTP/1.1\r\nHost: x\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n")
    assert b"426" in await asyncio.wait_for(reader.readline(), 5)
    writer.close()
    if back_end.sockets:
        await asyncio.wait_for(back_end.socket.wait_closed(), 5)


async def test_a_newer_socket_of_the_station_replaces_the_older_one_on_both_sides(
    relay: Bench, back_end: BackEnd
) -> None:
    async with connected(relay.url("S1")), connected(relay.url("S1")):
        older, _ = back_end.sockets
        await asyncio.wait_for(older.wait_closed(), 5)
        await eventually(lambda: len(relay.gateway.registry) == 1)


async def test_without_an_upstream_nobody_is_dialled(bench: Bench, back_end: BackEnd) -> None:
    async with bench.station("S1"):
        assert back_end.requests == []
