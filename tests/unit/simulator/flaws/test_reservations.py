"""Flaws in keeping reservations: each does what its name says, and nothing else."""

import pytest

from simulator.flaws import (
    ForgetsReservations,
    KeepsReservations,
    LosesHoldOnRefusedChange,
    RefusesSameReservationId,
    RevivesReservations,
)
from tests.unit.simulator.stations import (
    EVERY,
    OTHER,
    cancel_call,
    connected,
    hears_status,
    reserve_call,
    start,
)

ACCEPTED = {"status": "Accepted"}


@EVERY
async def test_reservations_may_be_forgotten_by_a_reboot(version: str) -> None:
    async with connected(version, ForgetsReservations()) as (system, station):
        await system.ask(*reserve_call(version))
        station.reboot()
        await system.hears("BootNotification", 2)
        await station.delivered()
        assert await system.ask(*cancel_call()) == {"status": "Rejected"}
        assert system.matching("ReservationStatusUpdate") == []


@EVERY
async def test_reservations_may_stay_past_their_time_until_they_are_cancelled(version: str) -> None:
    async with connected(version, KeepsReservations()) as (system, station):
        assert await system.ask(*reserve_call(version, lasts_s=-60)) == ACCEPTED
        await hears_status(system, version, "Reserved")
        assert await start(system, version, token=OTHER) == {"status": "Rejected"}
        assert await system.ask(*cancel_call()) == ACCEPTED
        assert station.reservations == []


@EVERY
@pytest.mark.parametrize("lasts_s", [3600, 0.0])
async def test_an_ended_reservation_may_be_there_again_after_a_reboot(
    version: str, lasts_s: float
) -> None:
    async with connected(version, RevivesReservations(), evses=2) as (system, station):
        await system.ask(*reserve_call(version, None, lasts_s=lasts_s))
        await system.ask(*cancel_call())
        await station.until(lambda: not station.reservations)
        station.reboot()
        await system.hears("BootNotification", 2)
        await hears_status(system, version, "Reserved")
        assert [each.id for each in station.reservations] == [5]


@EVERY
async def test_without_an_ended_reservation_there_is_nothing_to_revive(version: str) -> None:
    async with connected(version, RevivesReservations()) as (system, station):
        await system.ask(*reserve_call(version))
        station.reboot()
        await system.hears("BootNotification", 2)
        assert [each.id for each in station.reservations] == [5]


@EVERY
async def test_a_change_of_a_reservation_may_be_refused(version: str) -> None:
    async with connected(version, RefusesSameReservationId(), evses=2) as (system, station):
        assert await system.ask(*reserve_call(version, 1)) == ACCEPTED
        assert await system.ask(*reserve_call(version, 2)) == {"status": "Occupied"}
        assert [each.evse_id for each in station.reservations] == [1]


@EVERY
async def test_a_refused_change_may_lose_the_old_reservation(version: str) -> None:
    async with connected(version, LosesHoldOnRefusedChange()) as (system, station):
        assert await system.ask(*reserve_call(version, 1)) == ACCEPTED
        assert await system.ask(*reserve_call(version, 9)) == {"status": "Rejected"}
        await station.until(lambda: station.charger.evses[1].reported_status == "Available")
        assert station.reservations == []
