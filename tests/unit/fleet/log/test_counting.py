"""What the database counts for a report, on both databases."""

from datetime import timedelta
from typing import Any

import pytest

from domain.model.truth_report import CountedEnds, MarkedStation, TimesToTruth
from fleet import reports
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.log import counting
from fleet.log.commands import append
from fleet.log.counting import Counted
from fleet.log.event_log import Columns
from tests.support.fleet_rows import NOW, later, make_station

DAY = Counted("acme", start=NOW, end=NOW + timedelta(days=1))
START, RESET = "START_SESSION", "RESET"


async def put(
    tx: Tx,
    name: str,
    code: str = "SUCCEEDED",
    cause: str | None = None,
    *,
    made_s: float = 0,
    took_s: float | None = 1,
    kind: str = START,
    station: str = "CP1",
    tenant: str = "acme",
    state: str = "DONE",
) -> Any:
    ended = None if took_s is None else later(made_s + took_s)
    columns = Columns(
        *(station, kind, state, code, later(made_s)),
        more={"outcome_cause": cause, "outcome_time": ended},
    )
    return await append(
        tx,
        tenant=tenant,
        name=name,
        key="done",
        change=lambda _: {},
        columns=lambda _: columns,
        now=NOW,
    )


async def test_ends_are_counted_by_kind_code_and_cause_with_the_newest_of_each(
    db: Database,
) -> None:
    async with db.write() as tx:
        await put(tx, "old", "NO_EFFECT", "NO_CABLE", made_s=1)
        await put(tx, "new", "NO_EFFECT", "NO_CABLE", made_s=2)
        await put(tx, "other", "NO_EFFECT", "TOO_LATE", made_s=3)
        await put(tx, "open", "", took_s=None)
        await put(tx, "reset", "SUCCEEDED", "BOOTED", kind=RESET)
        counted = await counting.count_ends(tx, DAY)
    assert sorted(counted, key=lambda each: each.newest) == [
        CountedEnds(START, "NO_EFFECT", "NO_CABLE", 2, "new"),
        CountedEnds(START, "", "", 1, "open"),
        CountedEnds(START, "NO_EFFECT", "TOO_LATE", 1, "other"),
        CountedEnds(RESET, "SUCCEEDED", "BOOTED", 1, "reset"),
    ]


async def test_an_unknown_counts_when_the_command_is_done(db: Database) -> None:
    async with db.write() as tx:
        await put(tx, "ended", "UNKNOWN", "ANSWER_TIMEOUT", made_s=1)
        still = {"made_s": 2, "took_s": None, "state": "AWAITING_EFFECT"}
        await put(tx, "open", "UNKNOWN", "ANSWER_TIMEOUT", **still)  # type: ignore[arg-type]
        counted = await counting.count_ends(tx, DAY)
        (marks,) = await counting.marked_stations(tx, DAY, {})
    assert sorted(counted, key=lambda each: each.newest) == [
        CountedEnds(START, "UNKNOWN", "ANSWER_TIMEOUT", 1, "ended"),
        CountedEnds(START, "", "", 1, "open"),
    ]
    assert marks == MarkedStation("CP1", 2, 1, 0, 0, 1, "ended")


@pytest.mark.parametrize(
    ("which", "counted"),
    [
        (DAY, ["begin", "north", "south"]),
        (Counted("acme", NOW, DAY.end, stations=("NORTH-1",)), ["north"]),
        (Counted("acme", NOW, DAY.end, groups=("NORTH-", "EAST-")), ["north"]),
        (Counted("acme", NOW, DAY.end, stations=("SOUTH-1",), groups=("NORTH-",)), []),
        (Counted("other", NOW, DAY.end), ["theirs"]),
    ],
    ids=["period", "station", "group", "station outside of the group", "tenant"],
)
async def test_only_what_was_asked_for_is_counted(
    db: Database, which: Counted, counted: list[str]
) -> None:
    async with db.write() as tx:
        await put(tx, "begin", "A")
        await put(tx, "before", "B", made_s=-1)
        await put(tx, "at the end", "C", made_s=86_400)
        await put(tx, "north", "D", station="NORTH-1")
        await put(tx, "south", "E", station="SOUTH-1")
        await put(tx, "theirs", "F", tenant="other", station="NORTH-1")
        ends = await counting.count_ends(tx, which)
        marks = await counting.marked_stations(tx, which, {START: timedelta(0)})
        mended = await counting.mended_stations(tx, which)
    assert sorted(each.newest for each in ends) == counted
    assert len(marks) == len({each[:5] for each in counted})
    assert mended == []


async def test_times_are_percentiles_of_definite_outcomes(db: Database) -> None:
    async with db.write() as tx:
        for each in range(1, 102):
            await put(tx, f"c{each:03}", took_s=each)
        await put(tx, "unknown", "UNKNOWN", took_s=5_000)
        await put(tx, "open", "", took_s=None)
        await put(tx, "one reset", kind=RESET, took_s=-2)
        measured = await counting.measure_times(tx, DAY)
    second = timedelta(seconds=1)
    assert measured == [
        TimesToTruth(RESET, 1, timedelta(0), timedelta(0), "one reset"),
        TimesToTruth(START, 101, 51 * second, 100 * second, "c100"),
    ]


async def test_marked_commands_are_counted_once_by_station(db: Database) -> None:
    async with db.write() as tx:
        await put(tx, "unknown", "UNKNOWN", took_s=90, made_s=1)
        await put(tx, "no effect", "NO_EFFECT", took_s=90, made_s=2)
        await put(tx, "slow", took_s=61, made_s=3)
        await put(tx, "good", made_s=4)
        await put(tx, "slow reset", kind=RESET, took_s=61, station="CP2")
        await put(tx, "lost", "UNKNOWN", station="CP3")
        marks = await counting.marked_stations(tx, DAY, {START: timedelta(seconds=60)})
        unlimited = await counting.marked_stations(tx, DAY, {})
    assert marks == [
        MarkedStation("CP1", 4, 1, 1, 1, 3, "slow"),
        MarkedStation("CP3", 1, 1, 0, 0, 1, "lost"),
    ]
    assert [each.slow for each in unlimited] == [0, 0]


async def test_mends_of_stations_are_added_up_when_the_newest_is_of_the_period(
    db: Database,
) -> None:
    async with db.write() as tx:
        for station, tenant in (("CP1", "acme"), ("CP2", "acme"), ("CP3", "other")):
            await make_station(tx, station, tenant=tenant)
            for action in ("MeterValues", "StopTransaction"):
                await reports.add_mended(tx, mends(station, action, 7))
        await reports.add_mended(tx, mends("CP2", "Heartbeat", 5, last_s=9))
        found = await counting.mended_stations(tx, DAY)
        later_on = await counting.mended_stations(tx, Counted("acme", later(5), DAY.end))
    assert [(each.station, each.reports) for each in found] == [("CP2", 19), ("CP1", 14)]
    assert [(each.station, each.newest_time) for each in later_on] == [("CP2", later(9))]


def mends(station: str, action: str, times: int, last_s: float = 1) -> reports.MendedReports:
    return reports.MendedReports(station, action, "renamed", "", times, NOW, later(last_s))


async def test_a_report_that_cannot_count_all_says_from_when_on_it_counts(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "COUNTED_LIMIT", 2)
    async with db.write() as tx:
        await put(tx, "first", "A", made_s=1)
        assert await counting.oldest_counted(tx, DAY) is None
        await put(tx, "second", "B", made_s=2)
        await put(tx, "third", "C", made_s=3)
        assert await counting.oldest_counted(tx, DAY) == later(2)
        assert {each.code for each in await counting.count_ends(tx, DAY)} == {"B", "C"}
