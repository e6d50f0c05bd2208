"""How the commands of another back end (CSMS) are kept and counted, on both databases."""

from datetime import timedelta
from typing import Any

import pytest

from broker.reading.reporting import read_report
from domain.model.truth_report import TheirCountedEnds
from fleet.back_end import calls
from fleet.back_end.calls import KEPT_FOR, NewCall
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.log import counting
from fleet.log.counting import Counted
from tests.support.fleet_rows import NOW, later
from tests.unit.fleet.log.test_counting import put

DAY = Counted("acme", start=NOW, end=NOW + timedelta(days=1))
ACCEPTED = {"verdict": "ACCEPTED", "status": "Accepted"}
SCHEDULED = {"verdict": "SCHEDULED", "status": "Scheduled"}


async def keep(
    tx: Tx,
    at_s: float,
    kind: str = "RESET",
    end: tuple[str, str] = ("", ""),
    answer: dict[str, Any] | None = None,
    **changed: Any,
) -> int:
    """Keep a call that was passed on then. end: code and cause."""
    known: dict[str, Any] = {
        "tenant": "acme",
        "station": "CP1",
        "kind": kind,
        "send_time": later(at_s),
    }
    id = await calls.keep(tx, NewCall(**(known | changed)))
    if answer is not None:
        await calls.answered(tx, id, answer, later(at_s + 1))
    if end[0]:
        await calls.ended(tx, id, code=end[0], cause=end[1])
    return id


async def theirs(tx: Tx, which: Counted = DAY) -> list[tuple[str, str, str, int]]:
    """What the report tells of them: kind, code, cause and how many."""
    told = (await read_report(tx, which)).theirs
    return [(each.kind, each.code, each.cause, each.count) for each in told]


async def test_ends_are_counted_by_kind_code_and_cause(db: Database) -> None:
    async with db.write() as tx:
        await keep(tx, 1, end=("SUCCEEDED", "STATION_RESTARTED"))
        await keep(tx, 2, end=("SUCCEEDED", "STATION_RESTARTED"), station="CP2")
        await keep(tx, 3, "UNLOCK_CONNECTOR", ("NO_EFFECT", "UNLOCK_FAILED"))
        report = await read_report(tx, DAY)
    assert report.theirs == (
        TheirCountedEnds("RESET", "SUCCEEDED", "STATION_RESTARTED", 2, "CP2", later(2)),
        TheirCountedEnds("UNLOCK_CONNECTOR", "NO_EFFECT", "UNLOCK_FAILED", 1, "CP1", later(3)),
    )


async def test_what_nothing_has_proven_is_unknown_when_its_time_is_over(db: Database) -> None:
    async with db.write() as tx:
        await keep(tx, 1, "STOP_SESSION", answer=ACCEPTED)
        await keep(tx, 2, "STOP_SESSION")
        await keep(tx, 3, answer=SCHEDULED)
        await keep(tx, 86_399, "START_SESSION", answer=ACCEPTED)
        assert await theirs(tx) == [
            ("RESET", "", "", 1),
            ("START_SESSION", "", "", 1),
            *[
                ("STOP_SESSION", "UNKNOWN", cause, 1)
                for cause in ("ANSWER_TIMEOUT", "STOP_NOT_CONFIRMED")
            ],
        ]


async def test_only_those_of_the_tenant_the_period_and_the_stations_count(db: Database) -> None:
    async with db.write() as tx:
        others: list[dict[str, Any]] = [{"tenant": "other"}, {"station": "CP2"}, {"station": "XY1"}]
        for changed in ({}, *others):
            await keep(tx, 1, end=("REJECTED", "STATION_REJECTED"), **changed)
        await keep(tx, 86_400)
        one = Counted("acme", DAY.start, DAY.end, ["CP1"])
        group = Counted("acme", DAY.start, DAY.end, groups=("CP",))
        assert [row[-1] for row in await theirs(tx, one)] == [1]
        assert [row[-1] for row in await theirs(tx, group)] == [2]


async def test_a_station_stands_out_by_what_the_back_end_asked_for(db: Database) -> None:
    async with db.write() as tx:
        for at_s in range(3):
            await keep(tx, at_s, end=("UNKNOWN", "SESSION_DOUBTFUL"))
        (station,) = (await read_report(tx, DAY)).stations
    assert (station.station, station.commands, station.unknown) == ("CP1", 3, 3)


async def test_a_command_of_ours_that_was_under_way_explains_it(db: Database) -> None:
    async with db.write() as tx:
        await put(tx, "before", made_s=0, took_s=10)
        await put(tx, "beside", made_s=50, took_s=100)
        await keep(tx, 60, end=("SUCCEEDED", "STATION_RESTARTED"))
        await keep(tx, 200, "UNLOCK_CONNECTOR", ("SUCCEEDED", "CONNECTOR_UNLOCKED"))
        told = {each.kind: each.command for each in (await read_report(tx, DAY)).theirs}
    assert told == {"RESET": "beside", "UNLOCK_CONNECTOR": ""}


async def test_a_report_that_counts_only_the_newest_says_since_when(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fleet.back_end.counting.COUNTED_LIMIT", 2)
    async with db.write() as tx:
        for at_s in range(3):
            await keep(tx, at_s, end=("SUCCEEDED", "STATION_RESTARTED"))
        report = await read_report(tx, DAY)
    assert (report.complete, report.start) == (False, later(1))
    assert [each.count for each in report.theirs] == [2]
    assert counting.COUNTED_LIMIT > 2


async def test_an_old_call_is_deleted_with_the_next(db: Database) -> None:
    async with db.write() as tx:
        await keep(tx, 0)
        newer = await keep(tx, KEPT_FOR.total_seconds() + 1)
        found = await calls.of_station(tx, "CP1", NOW, NOW + 2 * KEPT_FOR)
    assert [row.id for row in found] == [newer]
