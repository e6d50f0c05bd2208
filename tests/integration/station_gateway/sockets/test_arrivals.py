"""A fleet that comes back while commands go on: stations are let in at a pace."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest
from websockets.exceptions import InvalidStatus
from websockets.protocol import OPEN

from station_gateway.commands import questions
from tests.support.benches.gateway_bench import Bench
from tests.support.relay.back_end import BackEnd
from tests.support.stations.scripted_station import connected, eventually

FLEET = [f"F{number}" for number in range(14)]


@contextlib.asynccontextmanager
async def command_on_its_way(bench: Bench) -> AsyncIterator[None]:
    """A start that its station answers at the end of the block."""
    async with bench.station("S1") as station:
        sending = bench.sending(await bench.start_request("S1"))
        message_id, _ = await station.called("RemoteStartTransaction")
        yield
        await station.answer(message_id, {"status": "Accepted"})
        await sending


async def comes(bench: Bench, name: str) -> int:
    """The status of this station's handshake."""
    try:
        async with connected(bench.url(name)):
            return 101
    except InvalidStatus as refused:
        told = refused.response.headers.get("Retry-After")
        assert told == str(bench.gateway.settings.retry_after_s)
        return refused.response.status_code


async def fleet_comes(bench: Bench) -> tuple[list[int], float]:
    """The status of each handshake, and how long all took together."""
    began = time.monotonic()
    answers = await asyncio.gather(*(comes(bench, name) for name in FLEET))
    return answers, time.monotonic() - began


async def test_while_a_command_goes_on_stations_are_let_in_at_a_pace(bench: Bench) -> None:
    await bench.restart(open=True, arrivals_per_s=10.0)
    async with command_on_its_way(bench):
        answers, took_s = await fleet_comes(bench)
    assert answers == [101] * len(FLEET)
    assert took_s >= 1.0  # the first four at once, the other ten one by one


async def test_without_a_command_nobody_waits(bench: Bench) -> None:
    await bench.restart(open=True, arrivals_per_s=0.01)
    answers, _ = await fleet_comes(bench)
    assert answers == [101] * len(FLEET)


async def test_a_turn_that_comes_too_late_is_503_with_retry_after(bench: Bench) -> None:
    await bench.restart(open=True, arrivals_per_s=0.01, arrival_wait_s=1.0)
    async with command_on_its_way(bench):
        answers, _ = await fleet_comes(bench)
    assert sorted(answers) == [101] * 4 + [503] * 10


async def test_who_is_refused_takes_no_turn(bench: Bench) -> None:
    await bench.restart(arrivals_per_s=0.01, arrival_wait_s=1.0)
    await bench.register("S2")
    async with command_on_its_way(bench):
        for _ in range(6):
            with pytest.raises(InvalidStatus):
                async with connected(bench.url("NOBODY"), "wrong-password-of-somebody"):
                    raise AssertionError("admitted")
        async with bench.station("S2"):
            pass


async def test_a_relayed_station_whose_turn_is_too_late_leaves_no_socket_at_its_back_end(
    bench: Bench,
) -> None:
    async with BackEnd().running("ocpp1.6") as back_end:
        await bench.restart(
            upstream_url=back_end.url,
            upstream_mode="command",
            arrivals_per_s=0.01,
            arrival_wait_s=1.0,
        )
        async with connected(bench.url("S1")) as station:
            await station.boot()
            sending = bench.sending(await bench.start_request("S1"))
            message_id, _ = await station.called("RemoteStartTransaction")
            answers, _ = await fleet_comes(bench)
            await station.answer(message_id, {"status": "Accepted"})
            await sending
            assert sorted(answers) == [101] * 4 + [503] * 10
            await eventually(lambda: [each.state for each in back_end.sockets].count(OPEN) == 1)


async def test_the_first_questions_to_a_new_fleet_are_put_at_a_pace(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "FIRST_AT_ONCE", 1)
    await bench.restart(
        housekeeping_delay_s=0.0, housekeeping_jitter_s=0.0, housekeeping_rate=0.0001
    )
    await bench.register("S1", cable_s=None)
    await bench.register("S2", cable_s=None)
    async with bench.station("S1") as first, bench.station("S2") as second:
        await first.called("GetConfiguration")
        await second.call("Heartbeat", {})
        assert second.calls.empty()
