"""A single station is relayed to the back end that UpdateStation names; all others are ours."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus

from fleet import generations, stations
from station_gateway.sockets import upstream
from tests.support.benches.gateway_bench import PASSWORD, Bench
from tests.support.relay.back_end import BackEnd
from tests.support.stations.scripted_station import connected


async def relay_to(bench: Bench, url: str) -> None:
    """Have S1 be relayed."""
    await bench.register("S1")
    await bench.write(lambda tx: stations.update(tx, "S1", now=datetime.now(UTC), upstream=url))


async def connects(bench: Bench) -> int:
    """The status of the handshake of S1."""
    try:
        async with connected(bench.url("S1"), PASSWORD):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


async def test_one_station_is_relayed_and_the_others_are_not(
    bench: Bench, back_end: BackEnd
) -> None:
    await bench.restart(upstream_allow_private=True)
    await relay_to(bench, back_end.url)
    async with connected(bench.url("S1"), "a-password-of-theirs") as relayed:
        assert (await relayed.boot())["interval"] == 77
    async with bench.station("S2") as ours:
        assert (await ours.boot())["interval"] == 300
    assert [request.path for request in back_end.requests] == ["/csms/S1"]


async def test_a_station_of_its_own_goes_before_the_setting(
    bench: Bench, back_end: BackEnd
) -> None:
    await bench.restart(upstream_allow_private=True, upstream_url="ws://127.0.0.1:1/")
    await relay_to(bench, back_end.url)
    assert await connects(bench) == 101


@pytest.mark.parametrize("deleted", [False, True])
async def test_a_station_that_is_changed_while_the_back_end_is_dialled_is_not_relayed_there(
    bench: Bench, back_end: BackEnd, deleted: bool
) -> None:
    await bench.restart(upstream_allow_private=True)
    await relay_to(bench, back_end.url)

    async def change() -> None:
        now = datetime.now(UTC)
        if deleted:
            await bench.write(lambda tx: generations.delete(tx, "S1", now=now))
        else:
            await bench.write(lambda tx: stations.update(tx, "S1", now=now, upstream=""))

    back_end.before_answer = change
    assert await connects(bench) == 503
    async with bench.db.read() as tx:
        assert (await stations.get(tx, "S1") is None) is deleted


async def test_the_other_addresses_of_a_back_end_are_tried_as_well(
    bench: Bench, back_end: BackEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def found(_: str) -> list[str]:
        return ["127.0.0.2", "127.0.0.1"]  # nobody listens at the first one

    monkeypatch.setattr(upstream, "_public_addresses", found)
    await relay_to(bench, back_end.url)
    assert await connects(bench) == 101


@pytest.fixture
def swallowing(back_end: BackEnd) -> Iterator[str]:
    """An address at which whoever connects to the back end's port gets no word, not even a no."""
    port = urlsplit(back_end.url.format(station="")).port
    with contextlib.ExitStack() as open_ones:
        full = open_ones.enter_context(socket.create_server(("127.0.0.2", port or 0), backlog=0))
        for _ in range(8):  # beyond its backlog the kernel answers nobody
            caller = open_ones.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(full.getsockname())
        yield "127.0.0.2"


@pytest.mark.parametrize("which", ["_public_addresses", "_all_addresses"])
async def test_an_address_that_swallows_all_keeps_the_next_one_waiting_for_a_moment_only(
    bench: Bench,
    back_end: BackEnd,
    swallowing: str,
    which: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def found(_: str) -> list[str]:
        return [swallowing, "127.0.0.1"]

    monkeypatch.setattr(upstream, which, found)
    if which == "_public_addresses":
        await relay_to(bench, back_end.url)
    else:
        await bench.restart(upstream_url=back_end.url)
    async with asyncio.timeout(4):
        assert await connects(bench) == 101


async def test_an_address_that_swallows_all_alone_is_a_silent_back_end(
    bench: Bench, back_end: BackEnd, swallowing: str
) -> None:
    url = back_end.url.replace("127.0.0.1", swallowing)
    await bench.restart(upstream_url=url, upstream_timeout_s=0.5)
    assert await connects(bench) == 504


@pytest.mark.parametrize(
    "url",
    [
        "wss://127.0.0.1:9/",
        "wss://[::1]:9/",
        "wss://localhost:9/",
        "wss://10.0.0.1/",
        "wss://169.254.169.254/latest",
        "wss://[::ffff:127.0.0.1]/",
        "ws://93.184.216.34/",
    ],
)
async def test_a_client_cannot_send_the_gateway_into_its_own_network(
    bench: Bench, url: str
) -> None:
    await relay_to(bench, url)
    assert await connects(bench) == 502


async def test_the_setting_may_lead_anywhere(bench: Bench, back_end: BackEnd) -> None:
    await bench.restart(upstream_url=back_end.url)
    assert await connects(bench) == 101
