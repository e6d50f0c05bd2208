"""Stations with a clock that is wrong by a constant, or local: their starts are read right."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from fleet import stations
from fleet.transactions.rows import Transaction
from tests.support.benches.gateway_bench import Bench, now
from tests.support.stations.scripted_station import ScriptedStation

SINCE_1970 = now() - datetime.fromisoformat("1970-01-01T00:00:07+00:00")


def shown(offset: timedelta, *, bare: bool) -> str:
    """The time now by a clock that is ahead by `offset`."""
    time = now() + offset
    return time.replace(tzinfo=None).isoformat() if bare else time.isoformat()


async def status(station: ScriptedStation, time: str) -> None:
    told = {"connectorId": 1, "errorCode": "NoError", "status": "Available", "timestamp": time}
    await station.call("StatusNotification", told)


async def begin(station: ScriptedStation, time: str) -> dict[str, Any]:
    told = {"connectorId": 1, "idTag": "TAG1", "meterStart": 5, "timestamp": time}
    return await station.call("StartTransaction", told)


async def only_session(bench: Bench) -> Transaction:
    [session] = await bench.transactions()
    return session


def is_now(session: Transaction) -> bool:
    assert session.start_time is not None
    return abs(session.start_time - now()) < timedelta(seconds=20)


@pytest.mark.parametrize("hours", [-9.5, -5, 1, 5.75, 14])
async def test_the_first_local_time_ever_is_read_right(bench: Bench, hours: float) -> None:
    async with bench.station("S1") as station:
        await begin(station, shown(timedelta(hours=hours), bare=True))
    session = await only_session(bench)
    assert is_now(session)
    assert not session.clock_suspect


@pytest.mark.parametrize(
    "offset",
    [
        pytest.param(timedelta(minutes=-11), id="11 minutes late"),
        pytest.param(timedelta(hours=3), id="3 hours ahead"),
        pytest.param(timedelta(days=-400, hours=-1), id="more than a year late"),
        pytest.param(-SINCE_1970, id="1970 and its uptime"),
    ],
)
async def test_a_clock_that_is_wrong_by_a_constant_is_corrected(
    bench: Bench, offset: timedelta
) -> None:
    async with bench.station("S1") as station:
        for _ in range(2):
            await status(station, shown(offset, bare=False))
        await begin(station, shown(offset, bare=False))
    session = await only_session(bench)
    assert is_now(session)
    assert not session.clock_suspect


async def test_what_is_known_of_a_clock_outlives_the_gateway(bench: Bench) -> None:
    late = timedelta(minutes=-11)
    async with bench.station("S1") as station:
        for _ in range(2):
            await status(station, shown(late, bare=False))
    await bench.restart()
    async with bench.db.read() as tx:
        known = await stations.get(tx, "S1")
    assert known is not None
    assert known.clock is not None
    assert abs(known.clock["zoned"]["offset_s"] + 660) < 5
    async with bench.station("S1") as station:
        await begin(station, shown(late, bare=False))
    assert is_now(await only_session(bench))


async def test_a_start_that_is_repeated_when_the_clock_is_known_is_the_same(bench: Bench) -> None:
    time = shown(timedelta(minutes=-11), bare=False)
    async with bench.station("S1") as station:
        first = await begin(station, time)
        for _ in range(2):
            await status(station, shown(timedelta(minutes=-11), bare=False))
        assert await begin(station, time) == first
    await only_session(bench)


async def test_a_replay_keeps_its_age(bench: Bench) -> None:
    async with bench.station("S1") as station:
        for _ in range(2):
            await status(station, shown(timedelta(hours=1), bare=True))
        await begin(station, shown(timedelta(hours=-1), bare=True))
    session = await only_session(bench)
    assert session.start_time is not None
    assert abs(session.start_time - (now() - timedelta(hours=2))) < timedelta(seconds=20)


async def test_a_clock_that_jumps_to_and_fro_is_not_stored_each_time(bench: Bench) -> None:
    async with bench.station("S1") as station:
        for hours in (0, 0, 1, 1, 2, 2, 3, 3):
            await status(station, shown(timedelta(hours=hours), bare=False))
        async with bench.db.read() as tx:
            known = await stations.get(tx, "S1")
    assert known is not None
    assert known.clock is not None
    assert abs(known.clock["zoned"]["offset_s"]) < 5


async def a_minute_ago_it_told(bench: Bench, time: str) -> None:
    """The station was there, and told this instant alone, in two messages a minute ago."""
    async with bench.station("S1"):
        pass
    told = datetime.fromisoformat(time)
    offset_s = (told - now()).total_seconds() + 60
    clock = {"offset_s": offset_s, "spread_s": 0.1, "only_s": told.timestamp()}
    async with bench.db.write() as tx:
        await stations.set_clock(tx, "S1", {"zoned": clock})


@pytest.mark.parametrize(
    "time",
    [
        pytest.param("2020-01-01T00:00:00Z", id="years ago"),
        pytest.param(shown(timedelta(hours=-3), bare=False), id="hours ago"),
    ],
)
async def test_a_start_by_a_clock_that_may_stand_still_is_one_of_now_and_suspect(
    bench: Bench, time: str
) -> None:
    await a_minute_ago_it_told(bench, time)
    async with bench.station("S1") as station:
        first = await begin(station, time)
        assert await begin(station, time) == first
    session = await only_session(bench)
    assert is_now(session)
    assert session.clock_suspect


async def test_a_wrong_clock_that_was_seen_to_run_is_believed(bench: Bench) -> None:
    time = shown(timedelta(hours=-3), bare=False)
    await a_minute_ago_it_told(bench, time)
    runs = timedelta(hours=-3, minutes=1)
    async with bench.station("S1") as station:
        await status(station, shown(runs, bare=False))
        await begin(station, shown(runs - timedelta(minutes=1), bare=False))
    session = await only_session(bench)
    assert session.start_time is not None
    assert abs(session.start_time - (now() - timedelta(minutes=1))) < timedelta(seconds=20)
    assert not session.clock_suspect
