"""Both sides of a relay see what they would see without it: each message as the bytes it was."""

import asyncio
import contextlib
import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.support.benches.gateway_bench import PASSWORD, Bench
from tests.support.relay.back_end import BackEnd, Frame
from tests.support.stations.scripted_station import basic, eventually

BIG = json.dumps([2, "big", "DataTransfer", {"vendorId": "V", "data": "x" * 65_400}])
FROM_STATION: list[Frame] = [
    '[2,"1","Heartbeat",{}]',
    '[ 2 , "2",\t"Heartbeat" , { } ]',
    '[2,"3","MeterValues",{"connectorId":1,"meterValue":[{"timestamp":"2026-01-01T00:00:00Z",'
    '"sampledValue":[{"value":"1.50","format":"SignedData"}]}]}]',
    '[2,"4","VendorOnly",{"a":1.0,"b":1e2,"a":3}]',
    '[2,5,"Heartbeat",{}]',
    '[2,"","Heartbeat",{}]',
    '[2,"6","Heartbeat"]',
    '[2,"7","StatusNotification",{}]',
    '[3,"nobody-asked",{"status":"Accepted"}]',
    '[4,"nobody-asked","GenericError","",{}]',
    '[5,"nobody-answered","FormatViolation","",{}]',
    '[6,"s1","NotifyPeriodicEventStream",{"id":1}]',
    '[7,"t","What",{}]',
    "[2,",
    "not JSON, \u00fcberhaupt \U0001f50c",
    "",
    "null",
    '[2,"nul\\u0000","Heartbeat",{}]',
    b"\x00\x01binary\xff",
    BIG,
    '[2,"last","Heartbeat",{}]',
]
FROM_BACK_END: list[Frame] = [
    '[2,"c1","RemoteStartTransaction",{"idTag":"T","connectorId":1}]',
    '[2,"c2" , "GetConfiguration",{"key":[]}]',
    '[2,"c2","GetConfiguration",{"key":[]}]',
    '[3,"never-asked",{}]',
    '[4,"never-asked","InternalError","",{"x":1.10}]',
    '[5,"c1","FormatViolation","",{}]',
    '[6,"s2","What",{}]',
    "{}",
    "[",
    b"\xff\x00",
    BIG.replace("big", "big-c"),
    '[2,"last","Reset",{"type":"Soft"}]',
]


async def heard_by_both(
    url: str, back_end: BackEnd, subprotocol: str
) -> tuple[list[Frame], list[Frame]]:
    """What the back end and the station hear when both say all of it."""
    back_end.heard.clear()
    by_station: list[Frame] = []
    async with connect(
        url,
        subprotocols=[Subprotocol(subprotocol)],
        additional_headers=basic("S1", PASSWORD),
        compression=None,
        ping_interval=None,
        max_size=None,
    ) as socket:

        async def listen() -> None:
            with contextlib.suppress(ConnectionClosed):
                while True:
                    by_station.append(await socket.recv())

        listening = asyncio.create_task(listen())
        for frame in FROM_STATION:
            await socket.send(frame)
        await eventually(lambda: back_end.heard[-1:] == FROM_STATION[-1:])
        await back_end.say(*FROM_BACK_END)
        await eventually(lambda: by_station[-1:] == FROM_BACK_END[-1:])
        listening.cancel()
    return list(back_end.heard), by_station


@pytest.mark.parametrize("subprotocol", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
async def test_both_sides_hear_what_they_hear_without_a_relay(
    relay: Bench, back_end: BackEnd, subprotocol: str
) -> None:
    direct = await heard_by_both(back_end.url.format(station="S1"), back_end, subprotocol)
    relayed = await heard_by_both(relay.url("S1"), back_end, subprotocol)
    assert relayed == direct
    assert relayed[0] == FROM_STATION
