"""While its back end is away a held station gets our commands, and its facts await the answer."""

import asyncio
import json

import pytest

from tests.support.benches.gateway_bench import Bench
from tests.support.relay.away_back_end import AwayBackEnd
from tests.support.stations.scripted_station import ScriptedStation, connected, eventually, found

BOOTED = {"status": "Accepted", "currentTime": "2026-01-01T00:00:00Z", "interval": 77}
START = {"connectorId": 1, "idTag": "T", "meterStart": 0, "timestamp": "2026-01-01T00:00:00Z"}
STARTED = {"transactionId": 4711, "idTagInfo": {"status": "Accepted"}}


@pytest.fixture
async def held(bench: Bench, behind: AwayBackEnd) -> Bench:
    """The gateway, which holds every station and sends commands."""
    behind.payloads = {"BootNotification": BOOTED, "StartTransaction": STARTED}
    await bench.restart(upstream_url=behind.url, upstream_mode="command", upstream_when_lost="hold")
    return bench


async def alone(held: Bench, behind: AwayBackEnd, station: ScriptedStation) -> None:
    """Boot the station, and have its back end leave."""
    await station.boot()
    here = held.gateway.registry.get("S1")
    assert here is not None
    await here.wait_booted(asyncio.get_running_loop().time() + 5)
    await behind.leave()
    await eventually(lambda: len(here.sockets) == 1)


async def test_a_command_of_ours_is_sent_and_answered_while_the_back_end_is_away(
    held: Bench, behind: AwayBackEnd
) -> None:
    async with connected(held.url("S1")) as station:
        await alone(held, behind, station)
        sending = held.sending(await held.start_request())
        await station.accept("RemoteStartTransaction")
        assert (await sending).status == "ANSWERED"
        await station.begin("Heartbeat", {}, "after")
        await behind.open()
        await eventually(lambda: len(behind.on(2)) == 1)
        assert json.loads(behind.on(2)[0])[1] == "after"


async def test_calls_of_the_lost_back_end_that_wait_are_never_sent(
    held: Bench, behind: AwayBackEnd
) -> None:
    async with connected(held.url("S1")) as station:
        await station.boot()
        await behind.sockets[-1].send('[2,"a","ClearCache",{}]')
        out, _ = await station.called("ClearCache")
        for number in range(3):
            await behind.sockets[-1].send(f'[2,"{number}","Reset",{{"type":"Soft"}}]')
        await behind.sockets[-1].send('[3,"read",{}]')
        await eventually(lambda: [3, "read", {}] in station.frames)
        here = held.gateway.registry.get("S1")
        assert here is not None
        await behind.leave()
        await eventually(lambda: len(here.sockets) == 1)
        await behind.open()
        await eventually(lambda: len(behind.sockets) == 2)
        await behind.sockets[-1].send('[2,"new","GetLocalListVersion",{}]')
        await station.answer(out, {"status": "Accepted"})
        new, _ = await station.called("GetLocalListVersion")
        await station.answer(new, {"listVersion": 0})
        await eventually(lambda: behind.on(2) == ['[3, "new", {"listVersion": 0}]'])


@pytest.mark.parametrize("away_s", [0.0, 1.0, 3.0])
async def test_a_session_that_begins_meanwhile_gets_the_id_that_the_back_end_gives_it_later(
    held: Bench, behind: AwayBackEnd, away_s: float
) -> None:
    await held.restart(relay_answer_s=0.3)
    async with connected(held.url("S1")) as station:
        await alone(held, behind, station)
        answer = await station.begin("StartTransaction", START, "start")
        await asyncio.sleep(away_s)
        await behind.open()
        assert (await asyncio.wait_for(answer, 20))[2] == STARTED

        async def known() -> bool:
            return [t.ocpp_transaction_id for t in await held.transactions()] == ["4711"]

        await found(known)
