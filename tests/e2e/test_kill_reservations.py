"""kill -9 while a place is reserved, held or given free: one end, and nothing held after it."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from simulator.config import Cable, StationConfig
from simulator.flaws import Slow
from simulator.station import SimulatedStation
from tests.support.client import Client, code_of, state_of
from tests.support.processes import Fleet

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

VERSIONS = pytest.mark.parametrize("version", ["1.6", "2.0.1"])
VICTIMS = pytest.mark.parametrize("victim", ["gateway", "worker", "temporal", "broker"])
ANSWERS_AFTER_S = 3.0


@asynccontextmanager
async def simulated(fleet: Fleet, client: Client, version: str) -> AsyncIterator[SimulatedStation]:
    """A booted station that comes back quickly."""
    config = StationConfig(
        f"CP-{uuid.uuid4().hex[:8]}",
        fleet.ocpp_url,
        version=version,
        cable=Cable.NEVER,
        reconnect_s=0.2,
    )
    async with SimulatedStation(config) as station:
        await client.station_is_ready(config.id)
        yield station


async def killed(fleet: Fleet, victim: str) -> None:
    await fleet.crash(victim)
    await fleet.recover(victim)


@VICTIMS
@VERSIONS
async def test_a_kill_while_reserve_now_is_out_leaves_the_hold_that_is_told(
    fleet: Fleet, client: Client, version: str, victim: str
) -> None:
    async with simulated(fleet, client, version) as station:
        station.suffer(Slow(ANSWERS_AFTER_S))
        asking = asyncio.ensure_future(client.reserve(station.config.id, evse_id=1, wait_for=1))
        await station.until(lambda: station.received["ReserveNow"] == 1)
        await killed(fleet, victim)
        station.suffer()
        command = await client.done((await asking).name)
        known = await client.reservation(command.reserve_now.reservation)
        assert code_of(command) == "SUCCEEDED", command
        assert state_of(known) == "HELD"
        assert [hold.id for hold in station.reservations] == [known.wire_id]


@VICTIMS
async def test_a_kill_while_a_place_is_held_does_not_put_off_its_end(
    fleet: Fleet, client: Client, victim: str
) -> None:
    async with simulated(fleet, client, "2.0.1") as station:
        command = await client.reserve(station.config.id, evse_id=1, ttl_s=4)
        await killed(fleet, victim)
        await client.reservation_is(command.reserve_now.reservation, "EXPIRED")
        await station.until(lambda: station.reservations == [], timeout_s=30)


@VICTIMS
async def test_a_kill_while_a_cancel_is_out_ends_the_reservation_once(
    fleet: Fleet, client: Client, victim: str
) -> None:
    async with simulated(fleet, client, "2.0.1") as station:
        reserve = await client.reserve(station.config.id, evse_id=1)
        station.suffer(Slow(ANSWERS_AFTER_S))
        reservation = reserve.reserve_now.reservation
        asking = asyncio.ensure_future(client.cancel_reservation(reservation, wait_for=1))
        await station.until(lambda: station.received["CancelReservation"] == 1)
        await killed(fleet, victim)
        station.suffer()
        command = await client.done((await asking).name)
        assert code_of(command) == "SUCCEEDED", command
        known = await client.reservation_is(reservation, "CANCELLED")
        ends = [event for event in known.history if event.cause]
        assert len(ends) == 1
        assert station.reservations == []
