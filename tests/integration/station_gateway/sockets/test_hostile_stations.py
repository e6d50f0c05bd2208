"""What a hostile station can do to itself. The other stations notice nothing."""

import asyncio
import contextlib
import json
import time

import pytest

from tests.support.benches.gateway_bench import PASSWORD, Bench
from tests.support.stations.scripted_station import ScriptedStation, connected


async def heartbeat_takes(station: ScriptedStation) -> float:
    begin = time.monotonic()
    assert "currentTime" in await station.call("Heartbeat", {})
    return time.monotonic() - begin


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "[]",
        "null",
        "[2]",
        '[2,"1"]',
        '[9,"1","X",{}]',
        '[2,"1","Heartbeat",[]]',
        "[" * 500,
    ],
)
@pytest.mark.parametrize("subprotocol", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
async def test_malformed_frames_never_end_the_session(
    bench: Bench, frame: str, subprotocol: str
) -> None:
    async with bench.station("S1", subprotocol=subprotocol) as station:
        await station.send(frame)
        assert await heartbeat_takes(station) < 1


@pytest.mark.parametrize("subprotocol", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
async def test_a_binary_frame_has_no_effect_and_does_not_end_the_session(
    bench: Bench, subprotocol: str
) -> None:
    async with bench.station("S1", subprotocol=subprotocol) as station:
        await station.send(json.dumps([2, "b", "Heartbeat", {}]).encode())
        assert await heartbeat_takes(station) < 1
    assert not any(frame[:2] == [3, "b"] for frame in station.frames)


async def test_a_frame_of_10_mib_closes_its_own_socket_only(bench: Bench) -> None:
    async with bench.station("S1") as bad, bench.station("S2") as good:
        with contextlib.suppress(Exception):  # the gateway hangs up in the middle of it
            await bad.send("[" + "1," * (5 * 1024 * 1024) + "1]")
        await bad.closed()
        assert await heartbeat_takes(good) < 1
        assert bench.gateway.registry.get("S1") is None


@pytest.mark.parametrize(
    ("subprotocol", "limit"),
    [("ocpp1.6", 65_536), ("ocpp2.0.1", 262_144), ("ocpp2.1", 262_144)],
)
async def test_a_frame_is_too_large_beyond_its_versions_limit(
    bench: Bench, subprotocol: str, limit: int
) -> None:
    async with bench.station("S1", subprotocol=subprotocol) as station:
        await station.send("[" + " " * (limit - 2) + "]")
        await station.call("Heartbeat", {})
        await station.send("[" + " " * (limit - 1) + "]")
        assert await station.closed() == 1009


@pytest.mark.parametrize(
    ("action", "code"), [("MakeCoffee", "NotImplemented"), ("GetConfiguration", "NotSupported")]
)
async def test_an_unknown_action_gets_the_call_error_of_the_standard(
    bench: Bench, action: str, code: str
) -> None:
    async with bench.station("S1") as station:
        assert await station.call(action, {}) == {"error": code}


async def test_a_flood_is_slowed_down_then_closed_and_kept_out_while_others_are_served(
    bench: Bench,
) -> None:
    await bench.restart(flood_patience_s=0.3)
    async with bench.station("BAD") as bad, bench.station("GOOD") as good:
        flooding = asyncio.create_task(flood(bad))
        while not flooding.done():
            assert await heartbeat_takes(good) < 0.5
            await asyncio.sleep(0.1)
        assert await bad.closed() == 1008
        with pytest.raises(Exception, match="429"):
            async with connected(bench.url("BAD"), PASSWORD):
                raise AssertionError("admitted")
        assert await heartbeat_takes(good) < 0.5


async def flood(station: ScriptedStation) -> None:
    number = 0
    while station.socket.close_code is None:
        number += 1
        try:
            await station.send([2, f"f{number}", "Heartbeat", {}])
        except Exception:
            return
        if number % 50 == 0:
            await asyncio.sleep(0.05)


async def test_a_long_replay_that_waits_for_each_answer_is_slowed_down_but_not_cut(
    bench: Bench,
) -> None:
    await bench.restart(message_rate=50.0, message_burst=5, flood_patience_s=0.2)
    async with bench.station("S1") as station:
        for _ in range(40):
            await station.call("Heartbeat", {})
        assert station.socket.close_code is None


async def test_calls_that_overrun_our_answers_close_the_socket(bench: Bench) -> None:
    await bench.restart(queue_frames=4, fact_timeout_s=5)
    release = asyncio.Event()
    await bench.hold_heartbeats(release)
    async with bench.station("S1") as station:
        for _ in range(8):
            await station.begin("Heartbeat", {})
        assert await station.closed() == 1008
        release.set()


async def test_a_station_that_reads_nothing_is_cut_and_costs_no_memory(bench: Bench) -> None:
    await bench.restart(
        write_timeout_s=0.2, message_rate=1e6, message_burst=1_000_000, byte_rate=1e9
    )
    async with bench.station("S1") as station:
        station.go_deaf()
        with pytest.raises(Exception, match=r"clos|reset|BrokenPipe"):
            async with asyncio.timeout(60):
                while True:
                    await station.send(f'[2,"{"i" * 60}","DataTransfer",{{"x":1}}]')
        station.hear_again()
    assert bench.gateway.registry.get("S1") is None
