"""A station stays connected while its back end is away, and the back end misses nothing it said.

The judge stands on both sides and believes nobody: it keeps each message as it was, with the
connection on which the back end heard it.
"""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from fleet import stations
from tests.support.benches.gateway_bench import Bench
from tests.support.relay.away_back_end import VERSIONS, AwayBackEnd, raw
from tests.support.stations.scripted_station import eventually

SESSIONS = {
    "ocpp1.6": (
        "StartTransaction",
        {"connectorId": 1, "idTag": "T", "meterStart": 0, "timestamp": "2026-01-01T00:00:00Z"},
    ),
    "ocpp2.0.1": (
        "TransactionEvent",
        {
            "eventType": "Started",
            "timestamp": "2026-01-01T00:00:00Z",
            "triggerReason": "Authorized",
            "seqNo": 0,
            "transactionInfo": {"transactionId": "t1"},
        },
    ),
}
SESSIONS["ocpp2.1"] = SESSIONS["ocpp2.0.1"]


def call(message_id: str, action: str = "Heartbeat", **payload: Any) -> str:
    return json.dumps([2, message_id, action, payload])


async def holding(bench: Bench, behind: AwayBackEnd, **settings: Any) -> None:
    await bench.restart(upstream_url=behind.url, upstream_when_lost="hold", **settings)


def waiting(bench: Bench) -> bool:
    """Whether the station is connected and its back end is away."""
    held = bench.gateway.registry.get("S1")
    return held is not None and len(held.sockets) == 1


@pytest.mark.parametrize("mode", ["observe", "command"])
@pytest.mark.parametrize("subprotocol", VERSIONS)
async def test_what_a_station_says_meanwhile_reaches_the_back_end_in_order_and_once(
    bench: Bench, behind: AwayBackEnd, subprotocol: str, mode: str
) -> None:
    await holding(bench, behind, upstream_mode=mode)
    action, payload = SESSIONS[subprotocol]
    said: list[str | bytes] = [
        call("1", action, **payload),
        '[6,"s","NotifyPeriodicEventStream",{"id":1}]',
        "not JSON",
        b"\x00\xff",
        '[ 2 , "2", "Vendor" ,{"a":1.0,"a":1e2}]',
        call("3"),
    ]
    async with raw(bench.url("S1"), subprotocol) as station:
        await station.say(call("0"))
        await eventually(lambda: len(station.heard) == 1)
        await behind.leave()
        await eventually(lambda: waiting(bench))
        await station.say(*said)
        await behind.open()
        await eventually(lambda: len(station.heard) == 4)
        assert behind.on(2) == said
        assert [json.loads(frame)[1] for frame in station.heard] == ["0", "1", "2", "3"]
        assert station.socket.close_code is None
    first, second = behind.requests[0], behind.requests[-1]
    for name in ("Authorization", "Sec-WebSocket-Protocol", "X-Forwarded-For"):
        assert second.headers[name] == first.headers[name]
    assert second.path == first.path


async def test_the_back_end_hears_one_kept_call_at_a_time(
    bench: Bench, behind: AwayBackEnd
) -> None:
    await holding(bench, behind)
    async with raw(bench.url("S1")) as station:
        await behind.leave()
        await eventually(lambda: waiting(bench))
        await station.say(call("1"), call("2", "StatusNotification"), call("3"))
        behind.answers_all = False
        await behind.open()
        await eventually(lambda: behind.on(2) == [call("1")])
        await station.say(call("4", "Live"))
        await behind.sockets[-1].send('[3,"1",{}]')
        await eventually(lambda: len(behind.on(2)) == 2)
        await behind.sockets[-1].send('[4,"2","InternalError","",{}]')
        await eventually(lambda: len(behind.on(2)) == 3)
        await behind.sockets[-1].send('[3,"3",{}]')
        await eventually(lambda: behind.on(2)[-1] == call("4", "Live"))
        assert behind.on(2)[1:3] == [call("2", "StatusNotification"), call("3")]


async def test_a_call_that_had_no_answer_goes_to_the_back_end_once_more(
    bench: Bench, behind: AwayBackEnd
) -> None:
    await holding(bench, behind)
    behind.answers_all = False
    async with raw(bench.url("S1")) as station:
        await station.say(call("1", "Asked"))
        await eventually(lambda: behind.on(1) == [call("1", "Asked")])
        await behind.leave()
        await eventually(lambda: waiting(bench))
        behind.answers_all = True
        await behind.open()
        await eventually(lambda: behind.on(2) == [call("1", "Asked")])
        await eventually(lambda: [json.loads(frame)[:2] for frame in station.heard] == [[3, "1"]])


async def test_a_call_that_is_said_again_meanwhile_reaches_the_back_end_once(
    bench: Bench, behind: AwayBackEnd
) -> None:
    await holding(bench, behind)
    async with raw(bench.url("S1")) as station:
        await behind.leave()
        await eventually(lambda: waiting(bench))
        await station.say(call("1", "StopTransaction", n=1), call("2", "StopTransaction", n=1))
        await station.say(call("3", "StopTransaction", n=2))
        await behind.open()
        await eventually(lambda: len(behind.on(2)) == 2)
        assert behind.on(2) == [
            call("2", "StopTransaction", n=1),
            call("3", "StopTransaction", n=2),
        ]


async def test_nothing_is_answered_while_the_back_end_is_away(
    bench: Bench, behind: AwayBackEnd
) -> None:
    await holding(bench, behind, upstream_lost_s=0.3)
    async with raw(bench.url("S1")) as station:
        await behind.leave()
        await eventually(lambda: waiting(bench))
        await station.say(call("1"), call("2", "BootNotification"))
        assert await station.closed() == 1012
        assert station.heard == []


@pytest.mark.parametrize("mode", ["observe", "command"])
async def test_an_answer_to_a_lost_connection_is_not_taken_for_one_to_the_next(
    bench: Bench, behind: AwayBackEnd, mode: str
) -> None:
    await holding(bench, behind, upstream_mode=mode, upstream_turn_s=0.05)
    async with raw(bench.url("S1")) as station:
        await eventually(lambda: bool(behind.sockets))
        await behind.sockets[-1].send('[2,"1","Reset",{"type":"Soft"}]')
        await eventually(lambda: len(station.heard) == 1)
        await behind.leave()
        await eventually(lambda: waiting(bench))
        await behind.open()
        await eventually(lambda: len(behind.sockets) == 2)
        await behind.sockets[-1].send('[2,"1","ClearCache",{}]')
        await eventually(lambda: len(station.heard) == 2)
        other = json.loads(station.heard[1])
        assert other[2:] == ["ClearCache", {}]
        await station.say('[3,"1",{"status":"of the reset"}]')
        await station.say(json.dumps([3, other[1], {"status": "of the cache"}]))
        await station.say('[3,"1",{"status":"of the reset, again"}]', call("last"))
        await eventually(lambda: behind.on(2)[-1:] == [call("last")])
        assert [json.loads(frame) for frame in behind.on(2)[:-1]] == [
            [3, "1", {"status": "of the cache"}]
        ]


@pytest.mark.parametrize(
    "limit", [{"upstream_lost_frames": 2}, {"upstream_lost_bytes": 1_100}], ids=str
)
async def test_what_is_more_than_may_be_kept_ends_the_hold_as_a_mirror_does(
    bench: Bench, behind: AwayBackEnd, limit: dict[str, int]
) -> None:
    await holding(bench, behind, **limit)
    async with raw(bench.url("S1")) as station:
        await behind.leave()
        await eventually(lambda: waiting(bench))
        await station.say(*(call(str(number), "Data", n=number) for number in range(3)))
        assert await station.closed() == 1012


async def test_a_back_end_that_no_longer_wants_the_station_ends_the_hold(
    bench: Bench, behind: AwayBackEnd
) -> None:
    await holding(bench, behind)
    async with raw(bench.url("S1")) as station:
        await behind.leave()
        await eventually(lambda: waiting(bench))
        behind.refuses = 401
        await behind.open()
        assert await station.closed() == 1012


async def test_a_back_end_that_is_not_ready_is_asked_again(
    bench: Bench, behind: AwayBackEnd
) -> None:
    await holding(bench, behind)
    async with raw(bench.url("S1")) as station:
        await behind.leave()
        await eventually(lambda: waiting(bench))
        behind.refuses = 503
        await station.say(call("1"))
        await behind.open()
        await eventually(lambda: len(behind.requests) == 2)
        behind.refuses = 0
        await eventually(lambda: behind.on(2) == [call("1")])


async def test_mirror_closes_the_station_as_ever(bench: Bench, behind: AwayBackEnd) -> None:
    await bench.restart(upstream_url=behind.url)
    async with raw(bench.url("S1")) as station:
        await behind.leave()
        assert await station.closed() == 1012


@pytest.mark.parametrize(("loss", "setting"), [("hold", "mirror"), ("mirror", "hold")])
async def test_what_is_set_for_a_single_station_goes_before_the_setting(
    bench: Bench, behind: AwayBackEnd, loss: str, setting: str
) -> None:
    await bench.register("S1")
    await bench.write(
        lambda tx: stations.update(tx, "S1", now=datetime.now(UTC), upstream_loss=loss)
    )
    await bench.restart(upstream_url=behind.url, upstream_when_lost=setting)
    async with raw(bench.url("S1")) as station:
        await behind.leave()
        if loss == "mirror":
            assert await station.closed() == 1012
        else:
            await eventually(lambda: waiting(bench))


async def test_when_the_held_station_leaves_nobody_is_dialled_for_it(
    bench: Bench, behind: AwayBackEnd
) -> None:
    await holding(bench, behind)
    async with raw(bench.url("S1")) as station:
        await behind.leave()
        await eventually(lambda: waiting(bench))
        station.socket.transport.abort()
        await eventually(lambda: bench.gateway.registry.get("S1") is None)
        await behind.open()
    assert len(behind.requests) == 1
    assert behind.sockets[1:] == []


@pytest.mark.parametrize("away_s", [0.0, 0.3, 1.0, 3.0])
async def test_however_long_the_back_end_is_away_the_station_hears_each_answer_once(
    bench: Bench, behind: AwayBackEnd, away_s: float
) -> None:
    await holding(bench, behind)
    async with raw(bench.url("S1")) as station:
        said = [call(str(number), "Data", n=number) for number in range(20)]
        leaving = asyncio.create_task(_away(behind, away_s))
        for frame in said:
            await station.say(frame)
            await asyncio.sleep(0)
        await leaving
        await eventually(lambda: len(station.heard) >= 20, within_s=20.0)
        answered = [json.loads(frame)[1] for frame in station.heard]
        assert sorted(answered, key=int) == [str(number) for number in range(20)]
    heard = [json.loads(frame)[1] for _, frame in behind.heard]
    assert list(dict.fromkeys(heard)) == [str(number) for number in range(20)]


async def _away(behind: AwayBackEnd, away_s: float) -> None:
    await behind.leave()
    await asyncio.sleep(away_s)
    await behind.open()
