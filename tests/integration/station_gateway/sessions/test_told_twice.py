"""Sessions that a station of OCPP 1.6 tells twice, with another time, at a running gateway."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.benches.gateway_bench import Bench, now
from tests.support.stations.scripted_station import ScriptedStation


async def start(station: ScriptedStation, **changed: Any) -> int:
    """The transaction id of a StartTransaction that is stamped now."""
    told = {"connectorId": 1, "idTag": "TAG1", "meterStart": 5, "timestamp": now().isoformat()}
    return int((await station.call("StartTransaction", told | changed))["transactionId"])


async def show(station: ScriptedStation, *statuses: str) -> None:
    for status in statuses:
        told = {"connectorId": 1, "errorCode": "NoError", "status": status}
        await station.call("StatusNotification", told)


async def states(bench: Bench) -> list[str]:
    rows = sorted(await bench.transactions(), key=lambda row: row.id)
    return [row.state for row in rows]


async def ask(bench: Bench, station: ScriptedStation, answer: str) -> None:
    """A start of ours that the station answers so."""
    sending = bench.sending(await bench.start_request("S1"))
    asked, _ = await station.called("RemoteStartTransaction")
    await station.answer(asked, {"status": answer})
    await sending


async def test_a_start_that_is_repeated_with_another_time_gets_the_same_id(bench: Bench) -> None:
    async with bench.station("S1") as station:
        first = await start(station)
        await show(station, "Preparing", "Charging")
        assert await start(station) == first
    async with bench.station("S1", boot=False) as station:
        assert await start(station) == first
    async with bench.station("S1") as station:
        assert await start(station) == first
    assert await states(bench) == ["ACTIVE"]


@pytest.mark.parametrize(
    "changed",
    [
        {"connectorId": 2},
        {"idTag": "TAG2"},
        {"meterStart": 6},
        {"timestamp": (now() - timedelta(days=1)).isoformat()},
    ],
    ids=lambda changed: next(iter(changed)),
)
async def test_a_start_that_differs_is_another_session(
    bench: Bench, changed: dict[str, Any]
) -> None:
    async with bench.station("S1") as station:
        first = await start(station)
        assert await start(station, **changed) != first


async def test_a_start_after_the_plug_was_free_is_another_session(bench: Bench) -> None:
    async with bench.station("S1") as station:
        first = await start(station)
        await show(station, "Charging", "Available", "Preparing")
        assert await start(station) != first
    assert await states(bench) == ["ENDED", "ACTIVE"]


async def test_a_start_after_a_request_of_ours_is_another_session(bench: Bench) -> None:
    async with bench.station("S1") as station:
        first = await start(station)
        await ask(bench, station, "Accepted")
        assert await start(station) != first


async def test_a_start_after_a_refused_request_of_ours_is_a_repeat(bench: Bench) -> None:
    async with bench.station("S1") as station:
        first = await start(station)
        await ask(bench, station, "Rejected")
        assert await start(station) == first


async def test_a_start_on_the_only_plug_ends_the_earlier_one_of_the_whole_station(
    bench: Bench,
) -> None:
    async with bench.station("S1") as station:
        await show(station, "Preparing")
        await start(station, connectorId=0)
        await start(station, connectorId=0, meterStart=7)
    assert await states(bench) == ["ENDED", "ACTIVE"]


@pytest.mark.parametrize("seq_no", [0, 3])
async def test_a_session_of_2x_that_is_begun_again_under_its_id_is_one(
    bench: Bench, seq_no: int
) -> None:
    async with bench.station("S1", subprotocol="ocpp2.0.1") as station:
        for number in (0, seq_no):
            told = {
                "eventType": "Started",
                "timestamp": now().isoformat(),
                "triggerReason": "Authorized",
                "seqNo": number,
                "transactionInfo": {"transactionId": "T1", "chargingState": "Charging"},
                "evse": {"id": 1, "connectorId": 1},
                "idToken": {"idToken": "TAG1", "type": "ISO14443"},
            }
            await station.call("TransactionEvent", told)
    assert await states(bench) == ["ACTIVE"]
