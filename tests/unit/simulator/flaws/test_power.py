"""Flaws in booting and connecting: each does what its name says, and nothing else."""

from simulator.config import Cable
from simulator.flaws import (
    DoubleSocket,
    NeverBootsAfterReset,
    ReportsSessionsAfterBoot,
)
from tests.unit.simulator.stations import (
    EVERY,
    charges,
    connected,
    hears_end,
    order,
    reset_call,
    unlock_call,
)

ACCEPTED = {"status": "Accepted"}


@EVERY
async def test_a_second_socket_may_be_opened_with_the_same_password(version: str) -> None:
    async with connected(version, DoubleSocket(), password="swordfish") as (system, station):
        await system.sees_connections(2)
        await system.hears("Heartbeat")
        assert system.authorizations[0] == system.authorizations[1] is not None
        assert await system.ask(*unlock_call(version)) == {"status": "Unlocked"}
        assert station.connections == 1


@EVERY
async def test_it_may_never_boot_after_a_reset(version: str) -> None:
    async with connected(version, NeverBootsAfterReset()) as (system, station):
        assert await system.ask(*reset_call(version)) == ACCEPTED
        await station.until(lambda: station.stays_down)
        assert station.connections == 1
        station.go_online()
        await system.hears("BootNotification", 2)


@EVERY
async def test_the_end_of_sessions_may_be_told_after_the_boot(version: str) -> None:
    async with connected(version, ReportsSessionsAfterBoot(), cable=Cable.FIRST) as pair:
        system, station = pair
        await charges(system, station)
        before = len(order(system))
        assert await system.ask(*reset_call(version)) == ACCEPTED
        assert await hears_end(system, version) in ("HardReset", "ImmediateReset")
        written = order(system)[before:]
        assert written.index("BootNotification") < len(written) - 1
        assert written[-1] in ("StopTransaction", "TransactionEvent")
