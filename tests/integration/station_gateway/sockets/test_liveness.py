"""Dead sockets are found, live ones stay, and leases say which gateway has a station."""

import asyncio
import time
from datetime import datetime, timedelta

import pytest

from contract.questions import AskStationInput, AskStationResult
from domain.model.specs import Kind
from fleet import connections, stations
from fleet.connections import Connection
from station_gateway.settings import GatewaySettings
from tests.support.benches.gateway_bench import Bench, now
from tests.support.stations.scripted_station import eventually, found


async def holder(bench: Bench, station: str = "S1") -> Connection | None:
    async with bench.db.read() as tx:
        return await connections.holder(tx, station, now=now())


async def test_a_half_open_socket_is_found(bench: Bench) -> None:
    await bench.restart(ping_interval_s=0.2, ping_timeout_s=0.2, sweep_interval_s=0.05)
    async with bench.station("DEAF") as deaf, bench.station("LIVE") as live:
        deaf.go_deaf()
        await eventually(lambda: bench.gateway.registry.get("DEAF") is None)
        assert bench.gateway.registry.get("LIVE") is not None
        assert await live.call("Heartbeat", {})
        deaf.hear_again()


def test_by_default_a_dead_socket_is_found_within_a_minute() -> None:
    settings = GatewaySettings()
    found_s = settings.ping_interval_s + settings.ping_timeout_s + 2 * settings.sweep_interval_s
    assert found_s <= 60


async def test_a_command_at_a_half_open_socket_ends_when_it_is_found(bench: Bench) -> None:
    await bench.restart(ping_interval_s=0.2, ping_timeout_s=0.2, sweep_interval_s=0.05)
    async with bench.station("S1") as deaf:
        deaf.go_deaf()
        result = await bench.sending(await bench.start_request("S1"))
        deaf.hear_again()
    assert result.cause == "CONNECTION_LOST_AFTER_SEND"


async def test_a_station_that_says_nothing_for_too_long_is_closed_when_asked_for(
    bench: Bench,
) -> None:
    await bench.restart(idle_timeout_s=0.2, sweep_interval_s=0.05)
    async with bench.station("S1") as station:
        assert await station.closed() == 1001


async def test_the_holder_of_a_station_is_known_while_it_is_connected(bench: Bench) -> None:
    async with bench.station("S1"):
        held = await holder(bench)
        assert held is not None
        assert held.gateway == bench.gateway.gateway_id
    await eventually(lambda: len(bench.gateway.registry) == 0)

    async def nobody() -> bool:
        return await holder(bench) is None

    await found(nobody)


async def test_the_late_end_of_a_replaced_socket_removes_nothing(bench: Bench) -> None:
    async with bench.station("S1") as old:
        old.go_deaf()
        async with bench.station("S1", boot=False) as new:
            old.drop()
            await new.call("Heartbeat", {})
            held = await holder(bench)
            assert held is not None
            assert held.epoch == 2
            assert bench.gateway.registry.get("S1") is not None


async def test_the_lease_of_the_gateway_is_renewed(bench: Bench) -> None:
    await bench.restart(lease_s=0.6, lease_renewal_s=0.1)
    async with bench.station("S1"):
        begin_s = time.monotonic()
        await eventually(lambda: time.monotonic() > begin_s + 0.9)
        assert await holder(bench) is not None


async def test_when_a_station_was_last_seen_is_written_for_many_at_once(bench: Bench) -> None:
    await bench.restart(sweep_interval_s=0.05, last_seen_interval_s=0.1)
    async with bench.station("S1") as station:
        await station.call("Heartbeat", {})
        seen = await found(lambda: last_seen(bench))
    assert abs(seen - now()) < timedelta(seconds=5)


async def last_seen(bench: Bench) -> datetime | None:
    async with bench.db.read() as tx:
        station = await stations.get(tx, "S1")
    return station.last_seen_time if station else None


async def test_after_a_boot_the_station_is_asked_how_long_it_waits_for_the_cable(
    bench: Bench,
) -> None:
    await bench.restart(housekeeping_delay_s=0.01, housekeeping_jitter_s=0.01)
    await bench.register("S1", cable_s=None)
    async with bench.station("S1") as station:
        message_id, payload = await station.called("GetConfiguration")
        entry = {"key": payload["key"][0], "readonly": False, "value": "90"}
        await station.answer(message_id, {"configurationKey": [entry]})
        timeout_s = await found(lambda: connection_timeout(bench))
        sending = bench.sending(await bench.start_request("S1"))
        await station.accept("RemoteStartTransaction")
        assert (timeout_s, (await sending).effect_timeout_s) == (90.0, 90.0)


async def test_a_start_before_that_question_has_it_asked_at_once_and_is_woken_by_its_answer(
    bench: Bench,
) -> None:
    await bench.register("S1", cable_s=None)
    async with bench.station("S1") as station:
        sending = bench.sending(await bench.start_request("S1"))
        await station.accept("RemoteStartTransaction")
        assert (await sending).effect_timeout_s is None
        message_id, payload = await station.called("GetConfiguration")
        entry = {"key": payload["key"][0], "readonly": False, "value": "2"}
        await station.answer(message_id, {"configurationKey": [entry]})
        assert await found(lambda: connection_timeout(bench)) == 2.0
        assert [wakeup.reason for wakeup in await bench.wakeups()] == ["connection_timeout"]


async def connection_timeout(bench: Bench) -> float | None:
    async with bench.db.read() as tx:
        station = await stations.get(tx, "S1")
    return station.connection_timeout_s if station else None


@pytest.mark.parametrize("subprotocol", ["ocpp2.0.1", "ocpp2.1"])
async def test_a_2_x_station_is_asked_what_became_of_a_session(
    bench: Bench, subprotocol: str
) -> None:
    async with bench.station("S1", subprotocol=subprotocol) as station:
        request = AskStationInput("S1", Kind.STOP_SESSION, "any", ocpp_transaction_id="T1")
        asking = asyncio.create_task(bench.ask(request))
        message_id, _ = await station.called("GetTransactionStatus")
        await station.answer(message_id, {"ongoingIndicator": True, "messagesInQueue": False})
        assert await asking == AskStationResult(asked=True, ongoing=True, messages_in_queue=False)


async def test_who_asks_a_silent_or_absent_station_is_told_nothing(bench: Bench) -> None:
    async with bench.station("S1"):
        silent = await bench.ask(AskStationInput("S1", Kind.START_SESSION, "any", 1, timeout_s=0.1))
    absent = await bench.ask(AskStationInput("GONE", Kind.START_SESSION, "any", 1))
    assert (silent.asked, absent.asked) == (False, False)
