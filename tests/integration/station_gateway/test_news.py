"""Only what changes a fact wakes a command; what a rule may need always does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from contract.commands import AskStationInput
from domain.model.specs import Kind, ResetMode, ResetSpec
from fleet import reports, stations
from fleet.log import notes
from tests.support.benches.gateway_bench import TENANT, Bench, now
from tests.support.stations.scripted_station import ScriptedStation

TIME = "2026-01-01T00:00:00Z"
START = {"connectorId": 1, "idTag": "TAG1", "meterStart": 5, "timestamp": TIME}


async def told(bench: Bench) -> int:
    """How often a message woke the one command that waits."""
    return sum(wakeup.told for wakeup in await bench.wakeups())


@asynccontextmanager
async def with_open_start(bench: Bench, version: str) -> AsyncIterator[ScriptedStation]:
    """A station that accepted a start, whose effect is waited for."""
    async with bench.station("S1", subprotocol=version) as station:
        request = await bench.start_request("S1")
        sending = bench.sending(request)
        await station.accept(
            "RemoteStartTransaction" if version == "ocpp1.6" else "RequestStartTransaction"
        )
        await sending
        yield station


def event(seq: int, kind: str = "Updated", **changed: Any) -> dict[str, Any]:
    return {
        "eventType": kind,
        "timestamp": TIME,
        "triggerReason": "MeterValuePeriodic",
        "seqNo": seq,
        "evse": {"id": 1, "connectorId": 1},
        "transactionInfo": {"transactionId": "T1", **changed.pop("info", {})},
        **changed,
    }


async def test_a_repeated_start_and_stop_wake_nobody(bench: Bench) -> None:
    async with with_open_start(bench, "ocpp1.6") as station:
        before = await told(bench)
        started = await station.call("StartTransaction", START)
        assert await told(bench) == before + 1
        await station.call("StartTransaction", START)
        assert await told(bench) == before + 1
        stop = {"transactionId": started["transactionId"], "meterStop": 9, "timestamp": TIME}
        await station.call("StopTransaction", stop)
        assert await told(bench) == before + 2
        await station.call("StopTransaction", stop)
        assert await told(bench) == before + 2


async def test_meter_values_of_a_known_session_wake_nobody(bench: Bench) -> None:
    async with with_open_start(bench, "ocpp1.6") as station:
        started = await station.call("StartTransaction", START)
        before = await told(bench)
        sampled = [{"timestamp": TIME, "sampledValue": [{"value": "7"}]}]
        known = started["transactionId"]
        for transaction_id in (known, known, 77, 77):
            metered = {"connectorId": 1, "transactionId": transaction_id, "meterValue": sampled}
            await station.call("MeterValues", metered)
        assert await told(bench) == before + 1  # the id that nobody had heard of, once


async def test_the_same_status_of_a_connector_does_not_wake_a_start(bench: Bench) -> None:
    status = {"connectorId": 1, "errorCode": "NoError"}
    async with bench.station("S1") as station:
        request = await bench.start_request("S1", evse_id=1)
        sending = bench.sending(request)
        await station.accept("RemoteStartTransaction")
        await sending
        await station.call("StatusNotification", {**status, "status": "Preparing"})
        before = await told(bench)
        for _ in range(3):
            await station.call("StatusNotification", {**status, "status": "Available"})
        assert await told(bench) == before + 1


async def test_a_status_told_anew_after_a_boot_wakes_a_reset(bench: Bench) -> None:
    status = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
    async with bench.station("S1") as station:
        await station.call("StatusNotification", status)
        sending = bench.sending(await bench.request(ResetSpec(ResetMode.HARD)))
        await station.accept("Reset")
        await sending
        await station.boot()
        before = await told(bench)
        await station.call("StatusNotification", status)
        assert await told(bench) == before + 1


async def test_updates_that_change_nothing_wake_nobody_and_leave_no_note(bench: Bench) -> None:
    async with with_open_start(bench, "ocpp2.0.1") as station:
        charging = event(1, info={"chargingState": "Charging"})
        await station.call("TransactionEvent", charging)
        before, noted = await told(bench), await number_of_notes(bench)
        for _ in range(5):
            await station.call("TransactionEvent", charging)
        assert (await told(bench), await number_of_notes(bench)) == (before, noted)


async def number_of_notes(bench: Bench) -> int:
    async with bench.db.read() as tx:
        (wakeup,) = await bench.wakeups()
        command = wakeup.workflow_id.rsplit("/", 1)[-1]
        return len(await notes.by_command(tx, TENANT, command))


@pytest.mark.parametrize(
    "news",
    [
        {"info": {"chargingState": "SuspendedEV"}},
        {"idToken": {"idToken": "TAG1", "type": "ISO14443"}},
        {"info": {"remoteStartId": 1}},
        {"reservationId": 4},
        {"kind": "Ended", "info": {"stoppedReason": "Remote"}},
    ],
)
async def test_every_change_of_a_session_wakes(bench: Bench, news: dict[str, Any]) -> None:
    async with with_open_start(bench, "ocpp2.0.1") as station:
        await station.call("TransactionEvent", event(1, info={"chargingState": "Charging"}))
        before = await told(bench)
        await station.call("TransactionEvent", event(2, **news))
        assert await told(bench) == before + 1


@pytest.mark.parametrize("known_before", [True, False])
async def test_meter_values_note_that_their_session_runs_at_most_once_in_a_while(
    bench: Bench, known_before: bool
) -> None:
    async with bench.station("S1") as station:
        transaction_id = 77
        if known_before:
            transaction_id = (await station.call("StartTransaction", START))["transactionId"]
        noted = []
        for _ in range(3):
            sampled = [{"timestamp": now().isoformat(), "sampledValue": [{"value": "7"}]}]
            metered = {"connectorId": 1, "transactionId": transaction_id, "meterValue": sampled}
            await station.call("MeterValues", metered)
            noted.append((await bench.transactions())[0].alive_time)
    assert noted[0] is not None
    assert noted == [noted[0]] * 3


async def test_a_reading_after_our_question_is_noted_whenever_the_last_one_was(
    bench: Bench,
) -> None:
    async with bench.station("S1") as station:
        session = (await station.call("StartTransaction", START))["transactionId"]

        async def metered() -> Any:
            sampled = [{"timestamp": now().isoformat(), "sampledValue": [{"value": "7"}]}]
            told = {"connectorId": 1, "transactionId": session, "meterValue": sampled}
            await station.call("MeterValues", told)
            return (await bench.transactions())[0].alive_time

        before = await metered()
        question = AskStationInput("S1", Kind.STOP_SESSION, "any", connector_id=1)
        asking = asyncio.create_task(bench.ask(question))
        message_id, _ = await station.called("TriggerMessage")
        await station.answer(message_id, {"status": "Accepted"})
        await asking
        assert await metered() > before


@pytest.mark.parametrize(
    ("changed", "is_noted"),
    [({}, True), ({"offline": True}, False), ({"timestamp": "2055-01-01T00:00:00Z"}, False)],
)
async def test_an_event_notes_that_its_session_runs_when_it_tells_of_now(
    bench: Bench, changed: dict[str, Any], is_noted: bool
) -> None:
    async with bench.station("S1", subprotocol="ocpp2.0.1") as station:
        await station.call("TransactionEvent", event(0, "Started"))
        assert (await bench.transactions())[0].alive_time is None
        told = {"timestamp": now().isoformat(), **changed}
        await station.call("TransactionEvent", event(1, **told))
        first = (await bench.transactions())[0].alive_time
        await station.call("TransactionEvent", event(1, **told))
        assert (await bench.transactions())[0].alive_time == first
    assert (first is not None) is is_noted


@pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])
async def test_a_notify_event_is_as_good_as_the_status_of_a_connector(
    bench: Bench, version: str
) -> None:
    told = {
        "eventId": 1,
        "timestamp": now().isoformat(),
        "trigger": "Delta",
        "actualValue": "Occupied",
        "eventNotificationType": "PreconfiguredMonitor",
        "component": {"name": "Connector", "evse": {"id": 1, "connectorId": 1}},
        "variable": {"name": "AvailabilityState"},
    }
    async with bench.station("S1", subprotocol=version) as station:
        answer = await station.call(
            "NotifyEvent", {"generatedAt": now().isoformat(), "seqNo": 0, "eventData": [told]}
        )
    assert answer == {}
    async with bench.db.read() as tx:
        [connector] = await stations.connectors(tx, "S1")
    assert (connector.evse_id, connector.connector_id, connector.status) == (1, 1, "Occupied")


def sampled(value: str, measurand: str = "Power.Active.Import", **unit: Any) -> dict[str, Any]:
    told = {"value": value, "measurand": measurand, **unit}
    return {"timestamp": now().isoformat(), "sampledValue": [told]}


ENERGY = "Energy.Active.Import.Register"


@pytest.mark.parametrize(
    ("evse", "values", "kept"),
    [
        pytest.param(1, [sampled("7000")], 1, id="power"),
        pytest.param(1, [sampled("7", unit="kW")], 1, id="in kW"),
        pytest.param(1, [sampled("7000"), sampled("7001")], 1, id="twice is one"),
        pytest.param(1, [sampled("5")], 0, id="an idle plug"),
        pytest.param(0, [sampled("7000")], 0, id="the whole station"),
        pytest.param(1, [sampled("100", ENERGY), sampled("150", ENERGY)], 1, id="a rise"),
        pytest.param(1, [sampled("100", ENERGY), sampled("101", ENERGY)], 0, id="no rise"),
        pytest.param(1, [sampled("7000") | {"timestamp": TIME}], 0, id="long ago"),
    ],
)
async def test_energy_that_flows_without_a_session_is_kept_as_a_report_of_something_unknown(
    bench: Bench, evse: int, values: list[dict[str, Any]], kept: int
) -> None:
    begun = now()
    async with bench.station("S1") as station:
        for each in values:
            fresh = each if each["timestamp"] == TIME else each | {"timestamp": now().isoformat()}
            await station.call("MeterValues", {"connectorId": evse, "meterValue": [fresh]})
        async with bench.db.read() as tx:
            assert len(await reports.untaken_since(tx, "S1", begun)) == kept


async def test_energy_that_flows_in_a_session_is_no_news(bench: Bench) -> None:
    begun = now()
    async with bench.station("S1") as station:
        await station.call("StartTransaction", START)
        await station.call("MeterValues", {"connectorId": 1, "meterValue": [sampled("7000")]})
        async with bench.db.read() as tx:
            assert not await reports.untaken_since(tx, "S1", begun)
