"""Unlock, reset, reserve and cancel on simulated stations of every OCPP version."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from simulator.charger.model import DriverToken
from simulator.config import Cable, StationConfig
from simulator.flaws import (
    DropsBeforeAnswer,
    ForgetsReservations,
    KeepsReservations,
    NoReservationId,
    RevivesReservations,
)
from simulator.station import SimulatedStation
from tests.support.client import TOKEN, Client, Command, code_of
from tests.support.processes import Fleet

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]
EVERY = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
V2 = pytest.mark.parametrize("version", ["2.0.1", "2.1"])


@asynccontextmanager
async def simulated(
    fleet: Fleet, client: Client, version: str, **settings: Any
) -> AsyncIterator[SimulatedStation]:
    """A booted station with two outlets whose driver does what a test says."""
    config = StationConfig(
        f"CP-{uuid.uuid4().hex[:8]}",
        fleet.ocpp_url,
        version=version,
        **{
            "evses": 2,
            "cable": Cable.NEVER,
            "connection_timeout_s": 20.0,
            "reconnect_s": 0.2,
            "reboot_s": 0.3,
            **settings,
        },
    )
    async with SimulatedStation(config) as station:
        await client.station_is_ready(config.id)
        yield station


def ended_as(command: Command, code: str, cause: str) -> bool:
    return (code_of(command), command.outcome.cause) == (code, cause)


async def held(client: Client, station: SimulatedStation, **fields: Any) -> Command:
    command = await client.reserve(station.config.id, evse_id=1, **fields)
    assert ended_as(command, "SUCCEEDED", "RESERVED"), command
    return command


# --- unlock


@EVERY
async def test_unlock_is_done_when_the_station_says_unlocked(
    fleet: Fleet, client: Client, version: str
) -> None:
    async with simulated(fleet, client, version) as station:
        command = await client.unlock(station.config.id)
        assert ended_as(command, "SUCCEEDED", "CONNECTOR_UNLOCKED"), command


@EVERY
async def test_unlock_of_a_tethered_cable_is_not_supported(
    fleet: Fleet, client: Client, version: str
) -> None:
    async with simulated(fleet, client, version, tethered=True) as station:
        assert code_of(await client.unlock(station.config.id)) == "NOT_SUPPORTED"


@V2
async def test_unlock_during_a_session_says_to_stop_first(
    fleet: Fleet, client: Client, version: str
) -> None:
    async with simulated(fleet, client, version, cable=Cable.FIRST) as station:
        await client.start(station.config.id)
        command = await client.unlock(station.config.id)
        assert ended_as(command, "REJECTED", "SESSION_RUNNING"), command
        assert len(station.active_sessions) == 1


@EVERY
async def test_unlock_with_stop_first_stops_the_session_and_unlocks(
    fleet: Fleet, client: Client, version: str
) -> None:
    async with simulated(fleet, client, version, cable=Cable.FIRST) as station:
        started = await client.start(station.config.id)
        command = await client.unlock(station.config.id, stop_first=True)
        assert ended_as(command, "SUCCEEDED", "CONNECTOR_UNLOCKED"), command
        assert command.outcome.session.transaction == started.outcome.session.transaction
        assert station.active_sessions == []


# --- reset


@EVERY
async def test_reset_is_done_when_the_station_has_booted(
    fleet: Fleet, client: Client, version: str
) -> None:
    async with simulated(fleet, client, version) as station:
        boots = station.sent["BootNotification"]
        command = await client.done((await client.reset(station.config.id)).name)
        assert ended_as(command, "SUCCEEDED", "STATION_RESTARTED"), command
        assert station.sent["BootNotification"] == boots + 1
        assert command.outcome.reset.HasField("boot_time")


@V2
async def test_reset_of_one_evse_is_done_when_the_evse_is_back(
    fleet: Fleet, client: Client, version: str
) -> None:
    async with simulated(fleet, client, version) as station:
        command = await client.done((await client.reset(station.config.id, evse_id=1)).name)
        assert ended_as(command, "SUCCEEDED", "EVSE_RESTARTED"), command
        assert station.connections == 1


@V2
async def test_a_reset_on_idle_waits_for_the_last_session(
    fleet: Fleet, client: Client, version: str
) -> None:
    async with simulated(fleet, client, version, cable=Cable.FIRST) as station:
        started = await client.start(station.config.id)
        command = await client.reset(station.config.id, "ON_IDLE", wait_for=2)
        assert command.state == Command.STATE_AWAITING_EFFECT
        await client.stop(transaction=started.outcome.session.transaction)
        done = await client.done(command.name)
        assert ended_as(done, "SUCCEEDED", "STATION_RESTARTED"), done
        assert done.outcome.reset.scheduled


@pytest.mark.parametrize(
    ("version", "fields", "field"),
    [
        ("1.6", {"evse_id": 1}, "evse_id"),
        ("1.6", {"mode": "ON_IDLE"}, "mode"),
        ("1.6", {"mode": "IMMEDIATE_AND_RESUME"}, "mode"),
        ("2.0.1", {"mode": "IMMEDIATE_AND_RESUME"}, "mode"),
    ],
)
async def test_what_a_version_cannot_do_is_refused_before_anything_is_sent(
    fleet: Fleet, client: Client, version: str, fields: dict[str, Any], field: str
) -> None:
    async with simulated(fleet, client, version) as station:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.reset(station.config.id, **fields)
        assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert field in str(refused.value.details())
        assert station.received["Reset"] == 0


# --- reservations


@EVERY
async def test_a_reserved_place_is_held_at_the_station(
    fleet: Fleet, client: Client, version: str
) -> None:
    async with simulated(fleet, client, version) as station:
        command = await held(client, station)
        known = await client.reservation_is(command.reserve_now.reservation, "HELD")
        assert [hold.id for hold in station.reservations] == [known.wire_id]
        assert known.id_token.value.startswith("****")
        told = command.outcome.reservation
        assert (told.reservation, told.wire_id) == (known.name, known.wire_id)
        assert (told.evse_id, told.expire_time) == (known.evse_id, known.expire_time)


async def test_any_place_of_a_16_station_with_one_connector_is_that_connector(
    fleet: Fleet, client: Client
) -> None:
    async with simulated(fleet, client, "1.6", evses=1, reserves_any=False) as station:
        command = await client.reserve(station.config.id)
        assert ended_as(command, "SUCCEEDED", "RESERVED"), command
        assert len(station.reservations) == 1


@EVERY
async def test_a_driver_who_comes_uses_the_reservation(
    fleet: Fleet, client: Client, version: str
) -> None:
    async with simulated(fleet, client, version) as station:
        command = await held(client, station)
        station.plug_in(1)
        station.swipe(DriverToken(TOKEN), 1)
        known = await client.reservation_is(command.reserve_now.reservation, "USED")
        assert known.cause == "SESSION_USED_IT"
        assert known.transaction


@EVERY
async def test_a_session_without_the_reservations_number_uses_it_all_the_same(
    fleet: Fleet, client: Client, version: str
) -> None:
    async with simulated(fleet, client, version, flaws=(NoReservationId(),)) as station:
        command = await held(client, station)
        station.plug_in(1)
        station.swipe(DriverToken(TOKEN), 1)
        known = await client.reservation_is(command.reserve_now.reservation, "USED")
        assert known.cause == "SESSION_OF_ITS_TOKEN"


@EVERY
async def test_a_reservation_expires_and_nothing_is_held(
    fleet: Fleet, client: Client, version: str
) -> None:
    async with simulated(fleet, client, version) as station:
        command = await held(client, station, ttl_s=3)
        known = await client.reservation_is(command.reserve_now.reservation, "EXPIRED")
        late = known.end_time.ToDatetime() - known.expire_time.ToDatetime()
        assert late.total_seconds() <= 1.0
        await station.until(lambda: station.reservations == [])


@EVERY
async def test_a_cancelled_reservation_is_let_go_at_the_station(
    fleet: Fleet, client: Client, version: str
) -> None:
    async with simulated(fleet, client, version) as station:
        command = await held(client, station)
        cancel = await client.cancel_reservation(command.reserve_now.reservation)
        assert ended_as(cancel, "SUCCEEDED", "RESERVATION_CANCELLED"), cancel
        assert cancel.outcome.reservation.reservation == command.reserve_now.reservation
        assert cancel.outcome.reservation.wire_id == command.reserve_now.wire_id
        known = await client.reservation_is(command.reserve_now.reservation, "CANCELLED")
        assert known.cancel_reason == "plans changed"
        assert station.reservations == []


@EVERY
async def test_a_hold_that_is_forgotten_at_a_reboot_is_made_again(
    fleet: Fleet, client: Client, version: str
) -> None:
    async with simulated(fleet, client, version, flaws=(ForgetsReservations(),)) as station:
        command = await held(client, station)
        station.reboot()
        await station.until(lambda: station.received["ReserveNow"] == 2, timeout_s=15)
        await station.until(lambda: len(station.reservations) == 1)
        known = await client.reservation_is(command.reserve_now.reservation, "HELD")
        assert [hold.id for hold in station.reservations] == [known.wire_id]


@EVERY
async def test_a_place_that_is_out_of_order_ends_its_reservation(
    fleet: Fleet, client: Client, version: str
) -> None:
    async with simulated(fleet, client, version) as station:
        command = await held(client, station)
        station.fault(1)
        known = await client.reservation_is(command.reserve_now.reservation, "LOST")
        assert known.cause in {"CONNECTOR_FAULTED", "REMOVED_BY_STATION"}


@EVERY
async def test_a_hold_that_a_station_keeps_past_its_end_is_cancelled_there(
    fleet: Fleet, client: Client, version: str
) -> None:
    async with simulated(fleet, client, version, flaws=(KeepsReservations(),)) as station:
        command = await held(client, station, ttl_s=2)
        await client.reservation_is(command.reserve_now.reservation, "EXPIRED")
        await station.until(lambda: station.received["CancelReservation"] >= 1)
        await station.until(lambda: station.reservations == [])


@EVERY
async def test_a_hold_that_a_reboot_brings_back_is_cancelled_again(
    fleet: Fleet, client: Client, version: str
) -> None:
    async with simulated(fleet, client, version, flaws=(RevivesReservations(),)) as station:
        command = await held(client, station)
        await client.cancel_reservation(command.reserve_now.reservation)
        await client.reservation_is(command.reserve_now.reservation, "CANCELLED")
        station.reboot()
        await station.until(lambda: station.received["CancelReservation"] == 2, timeout_s=40)
        await station.until(lambda: station.reservations == [])


@EVERY
async def test_a_lost_answer_to_reserve_now_is_asked_for_again_with_the_same_number(
    fleet: Fleet, client: Client, version: str
) -> None:
    drops = DropsBeforeAnswer(only=frozenset({"ReserveNow"}))
    async with simulated(fleet, client, version) as station:
        station.suffer(drops)
        asking = asyncio.ensure_future(client.reserve(station.config.id, evse_id=1))
        await station.until(lambda: station.received["ReserveNow"] == 1)
        station.suffer()
        command = await client.done((await asking).name)
        assert ended_as(command, "SUCCEEDED", "RESERVED"), command
        assert [hold.id for hold in station.reservations] == [command.reserve_now.wire_id]
        assert station.received["ReserveNow"] == 2
