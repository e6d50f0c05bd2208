"""Flaws in the frames: each does what its name says, and nothing else."""

from datetime import UTC, datetime
from typing import Any

import pytest

from simulator.config import Cable
from simulator.dialects.messages import parse_time
from simulator.flaws import (
    DuplicateAnswers,
    DuplicateMessages,
    ExtraFields,
    IdsAsStrings,
    MinusOneIds,
    NoReservationId,
    WrongClock,
)
from tests.unit.simulator.stations import (
    EVERY,
    charges,
    connected,
    hears_session,
    reserve_call,
    stop_call,
    unlock_call,
)

ACCEPTED = {"status": "Accepted"}


@EVERY
async def test_answers_may_come_twice(version: str) -> None:
    async with connected(version, DuplicateAnswers()) as (system, _station):
        command = await system.send(*unlock_call(version))
        assert await system.answered(command, 2) == {"status": "Unlocked"}


@EVERY
async def test_messages_may_come_twice_with_the_same_id(version: str) -> None:
    async with connected(version, DuplicateMessages()) as (system, _station):
        boots = [frame for frame in system.frames if "BootNotification" in frame]
        assert len(boots) == 2
        assert boots[0] == boots[1]


async def test_ids_may_be_minus_one() -> None:
    quick: dict[str, Any] = {"cable": Cable.FIRST, "meter_interval_s": 0.02}
    async with connected("1.6", MinusOneIds(), **quick) as (system, station):
        await charges(system, station)
        await system.hears("MeterValues", transactionId=-1)
        assert await system.ask(*stop_call(station)) == ACCEPTED
        await system.hears("StopTransaction", transactionId=-1)


@EVERY
async def test_the_reservation_id_may_be_missing(version: str) -> None:
    async with connected(version, NoReservationId()) as (system, station):
        await system.ask(*reserve_call(version))
        await charges(system, station)
        assert "reservationId" not in await hears_session(system, version)
        assert station.active_sessions[0].reservation_id == 5


@EVERY
async def test_ids_may_be_strings_with_leading_zeros(version: str) -> None:
    async with connected(version, IdsAsStrings(), lawful=False) as (system, station):
        await system.ask(*reserve_call(version))
        await charges(system, station)
        begun = await hears_session(system, version)
        assert begun["reservationId"] == "005"
        if version != "1.6":
            assert begun["transactionInfo"]["remoteStartId"] == "007"


@EVERY
async def test_fields_may_be_unknown(version: str) -> None:
    async with connected(version, ExtraFields(), lawful=False) as (system, _station):
        assert "xModem" in await system.ask(*unlock_call(version))
        assert "xModem" in await system.hears("BootNotification")
        assert system.violations != []


async def stamp_of(version: str, how: str, *, lawful: bool = True) -> str:
    async with connected(version, WrongClock(how), lawful=lawful) as (system, _station):
        return str((await system.hears("StatusNotification"))["timestamp"])


@EVERY
@pytest.mark.parametrize("seconds", [86_400, -86_400])
async def test_the_clock_may_be_ahead_or_behind(version: str, seconds: int) -> None:
    error = parse_time(await stamp_of(version, str(seconds))) - datetime.now(UTC)
    assert abs(error.total_seconds() - seconds) < 60


@EVERY
async def test_the_clock_may_be_in_1970(version: str) -> None:
    assert (await stamp_of(version, "1970")).startswith("1970-")


@EVERY
async def test_the_year_may_be_222222017(version: str) -> None:
    assert (await stamp_of(version, "222222017", lawful=False)).startswith("222222017-")


@EVERY
async def test_times_may_have_no_offset(version: str) -> None:
    assert not (await stamp_of(version, "no-offset", lawful=False)).endswith("Z")


@EVERY
async def test_with_a_fast_clock_reservations_end_early(version: str) -> None:
    async with connected(version, WrongClock("7200")) as (system, station):
        assert await system.ask(*reserve_call(version, lasts_s=3600)) == ACCEPTED
        await station.until(lambda: not station.reservations)
