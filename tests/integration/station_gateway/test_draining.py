"""A gateway that drains: its stations leave for another one, and no command is lost."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest

from contract.commands import SendFrameResult, SendStatus
from fleet import connections
from station_gateway.stations.station import ConnectedStation
from tests.support.benches.gateway_bench import Bench, now, quick, waiting_at
from tests.support.stations.scripted_station import ScriptedStation, connected, eventually

START = "RemoteStartTransaction"


@pytest.fixture
async def bench(bench: Bench) -> Bench:
    """A gateway that waits for the answers of its stations, however slow the machine is."""
    await bench.restart(drain_timeout_s=30.0)
    return bench


@pytest.fixture
async def other(bench: Bench) -> AsyncIterator[Bench]:
    """A second gateway of the same fleet."""
    second = Bench(bench.db, bench.sealer, bench.passwords, quick())
    second._numbers = bench._numbers
    await second.start()
    yield second
    await second.stop()


async def gateway_of(bench: Bench, station: str) -> str | None:
    async with bench.db.read() as tx:
        held = await connections.holder(tx, station, now=now())
    return held.gateway if held else None


async def moved_time(bench: Bench, station: str) -> datetime | None:
    async with bench.db.read() as tx:
        _, _, moved = await connections.whereabouts(tx, station, now=now())
    return moved


async def sent_to(
    bench: Bench, station: ScriptedStation, name: str
) -> tuple[asyncio.Task[SendFrameResult], str]:
    """Sends a start; the message id of its frame, which the station has not answered yet."""
    request = await bench.start_request(name)
    sending = asyncio.create_task(bench.gateway.sender.send(request))
    message_id, _ = await station.called(START)
    return sending, message_id


async def test_a_silent_station_keeps_no_other_one_at_a_gateway_that_drains(
    bench: Bench, other: Bench
) -> None:
    async with bench.station("S1") as silent, bench.station("S2") as idle:
        sending, message_id = await sent_to(bench, silent, "S1")
        draining = asyncio.create_task(bench.gateway.drain())
        assert await idle.closed() == 1012
        await eventually(lambda: bench.gateway.registry.get("S2") is None)
        async with other.station("S2") as back:
            assert await gateway_of(bench, "S2") == other.gateway.gateway_id
            answered, its_id = await sent_to(other, back, "S2")
            await back.answer(its_id, {"status": "Accepted"})
            assert (await answered).status is SendStatus.ANSWERED
        assert not draining.done()
        await silent.answer(message_id, {"status": "Accepted"})
        assert (await sending).status is SendStatus.ANSWERED
        assert await silent.closed() == 1012
        await draining


async def test_a_station_with_a_frame_out_is_held_until_its_answer(bench: Bench) -> None:
    async with bench.station("S1") as silent, bench.station("S2") as idle:
        sending, message_id = await sent_to(bench, silent, "S1")
        draining = asyncio.create_task(bench.gateway.drain())
        assert await idle.closed() == 1012
        assert await gateway_of(bench, "S1") == bench.gateway.gateway_id
        await silent.answer(message_id, {"status": "Accepted"})
        assert (await sending).status is SendStatus.ANSWERED
        await draining
        assert await gateway_of(bench, "S1") is None


async def test_a_station_that_a_draining_gateway_gave_up_is_known_to_move(bench: Bench) -> None:
    await bench.restart(close_timeout_s=30.0)
    async with bench.station("S1") as deaf, bench.station("S2") as silent:
        sending, message_id = await sent_to(bench, silent, "S2")
        deaf.go_deaf()  # it never answers the close frame
        draining = asyncio.create_task(bench.gateway.drain())
        async with asyncio.timeout(5):
            while await moved_time(bench, "S1") is None:
                await asyncio.sleep(0.01)
        assert await gateway_of(bench, "S1") is None
        deaf.drop()
        await silent.answer(message_id, {"status": "Accepted"})
        await sending
        await draining
        assert await moved_time(bench, "S2") is not None


async def test_a_frame_without_an_answer_keeps_its_socket_until_the_limit_only(
    bench: Bench,
) -> None:
    await bench.restart(drain_timeout_s=0.2)
    async with bench.station("S1") as silent:
        sending, _ = await sent_to(bench, silent, "S1")
        await bench.gateway.drain()
        assert await silent.closed() == 1012
        result = await sending
        assert (result.status, result.cause) == (
            SendStatus.NO_ANSWER,
            "CONNECTION_LOST_AFTER_SEND",
        )


async def test_who_waits_behind_a_frame_is_sent_on_when_its_gateway_drains(bench: Bench) -> None:
    async with bench.station("S1") as silent:
        sending, message_id = await sent_to(bench, silent, "S1")
        behind = bench.sending(await bench.start_request("S1"))
        await eventually(lambda: waiting_at(bench, "S1") == 2)
        draining = asyncio.create_task(bench.gateway.drain())
        unsent = await behind
        late = await bench.sending(await bench.start_request("S1"))
        for result in (unsent, late):
            assert (result.status, result.retry) == (SendStatus.NOT_SENT, True)
        await silent.answer(message_id, {"status": "Accepted"})
        assert (await sending).status is SendStatus.ANSWERED
        await draining
        assert not silent.calls.qsize()


async def test_sockets_are_closed_in_batches(bench: Bench) -> None:
    await bench.restart(drain_batch=1, drain_pause_s=1.0)
    async with bench.station("S1") as first, bench.station("S2") as second:
        draining = asyncio.create_task(bench.gateway.drain())
        assert await first.closed() == 1012
        sending, message_id = await sent_to(bench, second, "S2")
        await second.answer(message_id, {"status": "Accepted"})
        assert (await sending).status is SendStatus.ANSWERED
        assert await second.closed() == 1012
        await draining


async def test_a_station_that_is_admitted_while_its_gateway_drains_goes_on_to_another(
    bench: Bench,
) -> None:
    await bench.register("S1")
    claim, claimed, go_on = bench.gateway._claim, asyncio.Event(), asyncio.Event()

    async def slow(station: Any, password_hash: str) -> None:
        claimed.set()
        await go_on.wait()
        await claim(station, password_hash)

    bench.gateway._claim = slow  # type: ignore[method-assign]
    async with connected(bench.url("S1"), "a-password-of-the-test") as station:
        await claimed.wait()
        draining = asyncio.create_task(bench.gateway.drain())
        await eventually(lambda: not bench.gateway.ready)
        go_on.set()
        assert await station.closed() == 1012
        await draining
    assert await gateway_of(bench, "S1") is None


async def test_a_socket_that_is_too_old_is_closed_and_its_station_is_known_to_move(
    bench: Bench,
) -> None:
    await bench.restart(sweep_interval_s=0.02)
    async with bench.station("S1") as station:
        grow_old(bench, "S1")
        assert await station.closed() == 1012
    await eventually(lambda: bench.gateway.registry.get("S1") is None)
    assert await moved_time(bench, "S1") is not None


async def test_an_old_socket_stays_until_what_is_out_has_its_answer(bench: Bench) -> None:
    await bench.restart(sweep_interval_s=0.02)
    release = asyncio.Event()
    await bench.hold_heartbeats(release)
    async with (
        bench.station("S1") as silent,
        bench.station("S2") as other,
        bench.station("S3") as idle,
    ):
        sending, message_id = await sent_to(bench, silent, "S1")
        await other.send('[2,"held","Heartbeat",{}]')
        await eventually(lambda: not connected_station(bench, "S2").idle)
        grow_old(bench, "S1", "S2", "S3")
        assert await idle.closed() == 1012
        assert connected_station(bench, "S1") and connected_station(bench, "S2")
        await silent.answer(message_id, {"status": "Accepted"})
        assert (await sending).status is SendStatus.ANSWERED
        release.set()
        assert [await silent.closed(), await other.closed()] == [1012, 1012]
        assert [3, "held"] in [frame[:2] for frame in other.frames]


async def test_the_age_of_a_socket_has_a_limit_that_differs_a_little(bench: Bench) -> None:
    await bench.restart(max_socket_age_s=1_000.0)
    begin_s = asyncio.get_running_loop().time()
    async with bench.station("S1"):
        left_s = connected_station(bench, "S1").peer.leave_s - begin_s
    assert 900.0 <= left_s < 1_100.0


def connected_station(bench: Bench, name: str) -> ConnectedStation:
    station = bench.gateway.registry.get(name)
    assert station is not None
    return station


def grow_old(bench: Bench, *names: str) -> None:
    for name in names:
        connected_station(bench, name).peer.leave_s = 0.0
