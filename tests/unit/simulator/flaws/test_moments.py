"""What comes too late, what a no means, and what is lost on the way."""

from typing import Any

import pytest

from simulator.config import Cable
from simulator.flaws import (
    FewMessageIds,
    ForgetsSessions,
    LateToken,
    LosesAnswers,
    OneBreath,
    RefusesAndBegins,
    RestartsWarm,
    SkipsBoot,
    WrongClock,
)
from tests.unit.simulator.stations import (
    EVERY,
    charges,
    connected,
    hears_session,
    order,
    reset_call,
    start,
)

FIRST: dict[str, Any] = {"cable": Cable.FIRST}
ACCEPTED = "Accepted"


@EVERY
async def test_what_comes_of_a_start_may_come_late(version: str) -> None:
    async with connected(version, LateToken(0.05), **FIRST) as (system, _station):
        assert (await start(system, version))["status"] == ACCEPTED
        await hears_session(system, version)
        begins = "StartTransaction" if version == "1.6" else "TransactionEvent"
        after = order(system)
    assert after.index("answer") < len(after) - 1 - after[::-1].index(begins)


@EVERY
@pytest.mark.parametrize("word", ["Rejected", "InternalError", "GenericError"])
async def test_a_refused_start_may_begin_all_the_same(version: str, word: str) -> None:
    async with connected(version, RefusesAndBegins(word), **FIRST) as (system, station):
        answer = await start(system, version)
        assert word in {answer.get("status"), answer.get("error")}
        await station.until(lambda: bool(station.active_sessions))
        await hears_session(system, version)


@EVERY
async def test_a_restart_may_keep_its_connection(version: str) -> None:
    async with connected(version, RestartsWarm(), **FIRST) as (system, station):
        assert (await system.ask(*reset_call(version)))["status"] == ACCEPTED
        await system.hears("BootNotification", 2)
        assert station.connections == 1


@EVERY
async def test_the_answer_to_a_begin_may_be_lost(version: str) -> None:
    async with connected(version, LosesAnswers(1), **FIRST) as (system, station):
        await start(system, version)
        first, again = await hears_session(system, version), await hears_session(system, version, 2)
        assert station.connections == 2
        assert first["timestamp"] == again["timestamp"]


@EVERY
async def test_a_station_may_connect_without_a_boot(version: str) -> None:
    async with connected(version, SkipsBoot()) as (system, station):
        assert station.booted
        assert system.matching("BootNotification") == []


@EVERY
async def test_a_power_cut_may_end_sessions_unsaid(version: str) -> None:
    async with connected(version, ForgetsSessions(), **FIRST) as (system, station):
        await charges(system, station)
        station.reboot()
        await system.hears("BootNotification", 2)
        await station.delivered()
        assert station.active_sessions == []
        assert system.matching("StopTransaction") == []
        assert system.matching("TransactionEvent", eventType="Ended") == []


@EVERY
async def test_message_ids_may_come_again(version: str) -> None:
    async with connected(version, FewMessageIds(2), evses=3) as (system, _station):
        ids = [frame[1] for frame in system.frames if frame[0] == 2]
    assert len(ids) >= 4
    assert set(ids) == {"1", "2"}


@EVERY
async def test_two_messages_may_come_in_one_breath_with_one_id(version: str) -> None:
    async with connected(version, OneBreath()) as (system, _station):
        boot, heartbeat = [frame for frame in system.frames if frame[0] == 2][:2]
    assert (boot[2], heartbeat[2]) == ("BootNotification", "Heartbeat")
    assert boot[1] == heartbeat[1]


@pytest.mark.parametrize(
    ("how", "written"),
    [
        ("local", "2030-01-01T02:00:00"),
        ("lower-case", "2030-01-01t00:00:00z"),
        ("constant", "2020-01-01T00:00:00Z"),
    ],
)
def test_times_may_be_written_in_other_ways(how: str, written: str) -> None:
    frame = [2, "1", "StatusNotification", {"timestamp": "2030-01-01T00:00:00Z"}]
    assert WrongClock(how).written(frame)[0][3] == {"timestamp": written}
