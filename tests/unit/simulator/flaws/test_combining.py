"""Several flaws at once, and flaws that come and go."""

from simulator.flaws import (
    AnswersCallError,
    DuplicateAnswers,
    Late,
    NoReservationId,
    Silent,
)
from tests.unit.simulator.stations import (
    EVERY,
    charges,
    connected,
    hears_session,
    reserve_call,
    start_call,
    unlock_call,
)

ACCEPTED = {"status": "Accepted"}


@EVERY
async def test_flaws_can_be_combined(version: str) -> None:
    flaws = (Late(0.05), DuplicateAnswers(), NoReservationId())
    async with connected(version, *flaws) as (system, station):
        command = await system.send(*reserve_call(version))
        assert await system.answered(command, 2) == ACCEPTED
        await charges(system, station)
        assert "reservationId" not in await hears_session(system, version)


@EVERY
async def test_a_station_may_be_healed_and_suffer_again(version: str) -> None:
    async with connected(version, Silent()) as (system, station):
        await system.send(*start_call(version))
        station.suffer()
        assert await system.ask(*unlock_call(version)) == {"status": "Unlocked"}
        station.suffer(AnswersCallError())
        assert await system.ask(*unlock_call(version)) == {"error": "InternalError"}
