"""Ends and meter values under ids that we never gave, at a running gateway."""

from typing import Any

import pytest

from fleet.transactions.rows import Transaction
from tests.integration.station_gateway.sessions.test_foreign_ends import untaken
from tests.support.benches.gateway_bench import Bench, now
from tests.support.stations.scripted_station import ScriptedStation


async def begin(station: ScriptedStation, connector: int = 1) -> int:
    told = {"connectorId": connector, "idTag": "TAG1", "meterStart": 5}
    told["timestamp"] = now().isoformat()
    return int((await station.call("StartTransaction", told))["transactionId"])


async def end(station: ScriptedStation, transaction_id: int, **more: Any) -> None:
    told = {"transactionId": transaction_id, "meterStop": 9, "timestamp": now().isoformat()}
    assert "error" not in await station.call("StopTransaction", told | more)


async def meter(station: ScriptedStation, transaction_id: int, connector: int = 1) -> None:
    values = [{"timestamp": now().isoformat(), "sampledValue": [{"value": "7"}]}]
    told = {"connectorId": connector, "transactionId": transaction_id, "meterValue": values}
    await station.call("MeterValues", told)


async def event(station: ScriptedStation, kind: str, transaction: str, **more: Any) -> None:
    told = {
        "eventType": kind,
        "timestamp": now().isoformat(),
        "triggerReason": "Authorized",
        "seqNo": 0 if kind == "Started" else 5,
        "transactionInfo": {"transactionId": transaction},
        "evse": {"id": 1, "connectorId": 1},
    }
    assert "error" not in await station.call("TransactionEvent", told | more)


async def show(station: ScriptedStation, *connectors: int) -> None:
    for connector in connectors:
        told = {"connectorId": connector, "errorCode": "NoError", "status": "Charging"}
        await station.call("StatusNotification", told)


async def rows(bench: Bench) -> list[Transaction]:
    return sorted(await bench.transactions(), key=lambda row: row.id)


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({}, id="nobody's token"),
        pytest.param({"idTag": "TAG2"}, id="another token"),
        pytest.param({"idTag": "TAG1", "meterStop": 5}, id="no energy"),
        pytest.param({"idTag": "TAG1", "timestamp": "2026-01-01T00:00:00Z"}, id="an old one"),
    ],
)
async def test_an_end_under_an_unknown_id_is_no_session_and_ends_none(
    bench: Bench, more: dict[str, Any]
) -> None:
    async with bench.station("S1") as station:
        await show(station, 1, 2)
        running = await begin(station)
        await end(station, running + 5_000, **more)
    [session] = await rows(bench)
    assert session.state == "ACTIVE"
    assert await untaken(bench) == ["no_session"]


@pytest.mark.parametrize(
    ("connectors", "more"), [((1,), {}), ((1, 2), {"idTag": "TAG1"})], ids=["one plug", "its token"]
)
async def test_an_end_under_an_unknown_id_ends_the_session_that_it_can_only_be_of(
    bench: Bench, connectors: tuple[int, ...], more: dict[str, str]
) -> None:
    async with bench.station("S1") as station:
        await show(station, *connectors)
        running = await begin(station)
        await end(station, running + 5_000, **more)
        [session] = await rows(bench)
        assert (session.state, session.end_unreported) == ("ENDED", True)
        await end(station, running)
    [session] = await rows(bench)
    assert (session.state, session.end_unreported) == ("ENDED", False)


async def test_what_is_metered_under_a_wrong_id_ends_with_the_session_of_its_plug(
    bench: Bench,
) -> None:
    async with bench.station("S1") as station:
        running = await begin(station)
        await meter(station, running + 5_000)
        assert [row.state for row in await rows(bench)] == ["ACTIVE", "ACTIVE"]
        await end(station, running)
        assert [row.state for row in await rows(bench)] == ["ENDED", "ENDED"]
        await meter(station, running + 5_000)
        assert [row.state for row in await rows(bench)] == ["ENDED", "ACTIVE"]


@pytest.mark.parametrize(
    ("more", "state"),
    [({}, "ACTIVE"), ({"idToken": {"idToken": "TAG1", "type": "ISO14443"}}, "ENDED")],
    ids=["nobody's token", "its token"],
)
async def test_an_end_under_an_unknown_id_of_2x_is_kept_as_a_report(
    bench: Bench, more: dict[str, Any], state: str
) -> None:
    token = {"idToken": {"idToken": "TAG1", "type": "ISO14443"}}
    value = [{"measurand": "Energy.Active.Import.Register", "value": 5}]
    meters = [{"timestamp": now().isoformat(), "sampledValue": value}]
    later = [{"timestamp": now().isoformat(), "sampledValue": [value[0] | {"value": 9}]}]
    async with bench.station("S1", subprotocol="ocpp2.0.1") as station:
        await event(station, "Started", "T1", meterValue=meters, **token)
        await event(station, "Ended", "XX", meterValue=later, **more)
        assert [row.state for row in await rows(bench)] == [state, "ENDED"]
    assert await untaken(bench) == ["no_session"]


async def test_ids_that_a_station_makes_up_are_limited(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.transactions.rows.OBSERVED_LIMIT", 5)
    async with bench.station("S1", subprotocol="ocpp2.0.1") as station:
        for number in range(12):
            await event(station, "Ended", f"X{number}")
    assert len(await rows(bench)) == 5


async def test_an_end_of_a_session_that_we_told_to_stop_is_known(bench: Bench) -> None:
    async with bench.station("S1") as station:
        sending = bench.sending(await bench.stop_request("S1", wire_id="4712"))
        await station.accept("RemoteStopTransaction")
        await sending
        await end(station, 4712)
    [session] = await rows(bench)
    assert (session.ocpp_transaction_id, session.state) == ("4712", "ENDED")
    assert await untaken(bench) == []


@pytest.mark.parametrize(
    ("reason", "state"), [("Remote", "ENDED"), ("Local", "ACTIVE")], ids=["by us", "by a driver"]
)
async def test_a_remote_end_without_an_id_ends_the_session_that_we_told_to_stop(
    bench: Bench, reason: str, state: str
) -> None:
    async with bench.station("S1") as station:
        other = await begin(station, 1)
        stopped = await begin(station, 2)
        sending = bench.sending(await bench.stop_request("S1", wire_id=str(stopped)))
        await station.accept("RemoteStopTransaction")
        await sending
        await end(station, -1, idTag="TAG2", reason=reason)
    states = {row.ocpp_transaction_id: row.state for row in await rows(bench)}
    assert states == {str(other): "ACTIVE", str(stopped): state}


@pytest.mark.parametrize(("connector", "evse_id"), [(1, 1), (0, 0)])
async def test_a_session_that_began_on_connector_0_is_where_it_is_metered(
    bench: Bench, connector: int, evse_id: int
) -> None:
    async with bench.station("S1") as station:
        running = await begin(station, 0)
        await meter(station, running, connector)
        await meter(station, running, 2)
    [session] = await rows(bench)
    assert session.evse_id == evse_id


async def test_a_session_that_has_ended_or_told_its_connector_is_not_put_elsewhere(
    bench: Bench,
) -> None:
    async with bench.station("S1") as station:
        told, ended = await begin(station, 2), await begin(station, 0)
        await end(station, ended)
        for each in (told, ended):
            await meter(station, each, 1)
    assert [row.evse_id for row in await rows(bench)] == [2, 0]


async def test_a_session_that_is_metered_on_a_free_connector_has_ended_with_the_boot(
    bench: Bench,
) -> None:
    async with bench.station("S1") as station:
        await show(station, 1, 2)
        running = await begin(station, 0)
        await meter(station, running)
        await station.boot()
        for connector, word in ((1, "Available"), (2, "Preparing")):
            told = {"connectorId": connector, "errorCode": "NoError", "status": word}
            await station.call("StatusNotification", told)
    [session] = await rows(bench)
    assert (session.state, session.end_unreported) == ("ENDED", True)


@pytest.mark.parametrize(
    ("more", "reasons"),
    [
        pytest.param({}, ["two_requests"], id="another request of ours"),
        pytest.param({"remoteStartId": 4_711}, [], id="a request that we never sent"),
    ],
)
async def test_a_session_that_names_two_requests_is_kept_as_unclear_for_the_second_one(
    bench: Bench, more: dict[str, Any], reasons: list[str]
) -> None:
    async with bench.station("S1", subprotocol="ocpp2.0.1") as station:
        numbers = []
        for _ in range(2):
            sending = bench.sending(await bench.start_request())
            numbers.append((await station.accept("RequestStartTransaction"))["remoteStartId"])
            await sending
        one, other = ({"transactionId": "X1", "remoteStartId": number} for number in numbers)
        await event(station, "Started", "X1", transactionInfo=one)
        await event(station, "Updated", "X1", transactionInfo=other | more)
        await event(station, "Updated", "X1", transactionInfo=one, seqNo=6)
    [session] = await rows(bench)
    assert session.remote_start_id == numbers[0]
    assert await untaken(bench) == reasons
