"""Ends that name no session of ours, and sessions that are told twice, at a running gateway."""

from datetime import timedelta
from typing import Any

import pytest

from fleet import reports
from fleet.transactions.rows import Transaction
from tests.support.benches.gateway_bench import Bench, now
from tests.support.stations.scripted_station import ScriptedStation


def start() -> dict[str, Any]:
    return {"connectorId": 1, "idTag": "TAG1", "meterStart": 5, "timestamp": now().isoformat()}


def stop(transaction_id: object, age: timedelta = timedelta(hours=1)) -> dict[str, Any]:
    time = (now() - age).isoformat()
    return {"transactionId": transaction_id, "meterStop": 9, "timestamp": time}


async def occupied(station: ScriptedStation) -> None:
    for status in ("Preparing", "Charging"):
        told = {"connectorId": 1, "errorCode": "NoError", "status": status}
        await station.call("StatusNotification", told | {"timestamp": now().isoformat()})


async def only(bench: Bench) -> Transaction:
    [session] = await bench.transactions()
    return session


async def untaken(bench: Bench) -> list[str]:
    async with bench.db.read() as tx:
        rows = await reports.untaken_since(tx, "S1", now() - timedelta(minutes=5))
    return [row.reason for row in rows]


@pytest.mark.parametrize("transaction_id", [-1, 0, ""])
@pytest.mark.parametrize("token", [{}, {"idTag": "TAG1"}], ids=["no token", "its token"])
async def test_an_old_end_without_an_id_ends_no_session_that_began_after_it(
    bench: Bench, transaction_id: object, token: dict[str, str]
) -> None:
    async with bench.station("S1") as station:
        await occupied(station)
        await station.call("StartTransaction", start())
        await station.call("StopTransaction", stop(transaction_id) | token)
    assert (await only(bench)).state == "ACTIVE"
    assert await untaken(bench) == ["no_session"]


async def test_values_of_a_session_show_that_an_end_without_an_id_was_not_its_own(
    bench: Bench,
) -> None:
    async with bench.station("S1") as station:
        begun = await station.call("StartTransaction", start())
        await station.call("StopTransaction", stop(-1))
        assert (await only(bench)).state == "ENDED"
        later = (now() + timedelta(seconds=1)).isoformat()
        values = [{"timestamp": later, "sampledValue": [{"value": "17"}]}]
        told = {"connectorId": 1, "transactionId": begun["transactionId"], "meterValue": values}
        await station.call("MeterValues", told)
    session = await only(bench)
    assert (session.state, session.stop_time) == ("ACTIVE", None)


async def test_an_end_under_the_id_of_another_station_is_kept(bench: Bench) -> None:
    async with bench.station("S2") as other, bench.station("S1") as station:
        theirs = await other.call("StartTransaction", start())
        await station.call("StartTransaction", start())
        await station.call("StopTransaction", stop(theirs["transactionId"], timedelta()))
    assert (await only(bench)).state == "ACTIVE"
    assert await untaken(bench) == ["no_session"]
