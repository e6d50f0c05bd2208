"""Reports that nobody could take, and what was mended in the others, on both databases."""

from datetime import datetime

from fleet import reports
from fleet.database import Database
from fleet.reports import MendedReports, UntakenRow
from tests.support.fleet_rows import NOW, later


def report(time: datetime = NOW, detail: str = "meterStop: type") -> UntakenRow:
    return UntakenRow("StopTransaction", "invalid_payload", detail, 1, "7", time)


async def add(db: Database, key: str, time: datetime = NOW, station: str = "CP1") -> bool:
    async with db.write() as tx:
        return await reports.add_untaken(tx, station=station, key=key, report=report(time))


async def since(db: Database, time: datetime, station: str = "CP1") -> list[UntakenRow]:
    async with db.read() as tx:
        return await reports.untaken_since(tx, station, time)


async def test_a_report_is_read_back_as_it_was_kept(db: Database) -> None:
    assert await add(db, "a")
    assert await since(db, NOW) == [report()]


async def test_reports_of_before_and_of_other_stations_are_not_told(db: Database) -> None:
    await add(db, "a")
    await add(db, "b", later(5), station="CP2")
    await add(db, "c", later(9))
    assert await since(db, later(1)) == [report(later(9))]
    assert await since(db, later(10)) == []


async def test_a_repeat_is_the_same_report_at_its_newer_time(db: Database) -> None:
    assert await add(db, "a")
    assert not await add(db, "a", later(60))
    assert await since(db, NOW) == [report(later(60))]


async def test_a_station_cannot_fill_the_table(db: Database) -> None:
    for number in range(reports.UNTAKEN_LIMIT + 5):
        await add(db, f"k{number}", later(number))
    await add(db, "mine", station="CP2")
    async with db.read() as tx:
        kept = (await tx.exec_driver_sql("SELECT count(*) FROM untaken_reports")).scalar_one()
    assert kept == reports.UNTAKEN_LIMIT + 1
    assert len(await since(db, NOW)) == reports.READ_LIMIT
    assert await since(db, later(104)) == [report(later(104))]


async def test_hostile_values_are_cut_and_cleaned(db: Database) -> None:
    hostile = UntakenRow("A" * 99, "r" * 99, "d\x00" * 999, 2**40, "t\x00" * 999, NOW)
    async with db.write() as tx:
        await reports.add_untaken(tx, station="CP1", key="k", report=hostile)
    (kept,) = await since(db, NOW)
    assert (len(kept.action), len(kept.reason), kept.evse_id) == (64, 64, None)
    assert len(kept.detail) == len(kept.ocpp_transaction_id) == 250


def mended(kind: str, time: datetime = NOW, times: int = 1, field: str = "idTag") -> MendedReports:
    return MendedReports("CP1", "StartTransaction", kind, field, times, time, time)


async def test_mends_are_counted_by_message_and_kind(db: Database) -> None:
    async with db.write() as tx:
        await reports.add_mended(tx, mended("TOKEN_CLEANED"))
        await reports.add_mended(tx, mended("TOKEN_CLEANED", later(60), times=4, field="x"))
        await reports.add_mended(tx, mended("TIME_ABSENT", later(10)))
    async with db.read() as tx:
        found = await reports.mended_of(tx, "CP1")
    assert [(row.kind, row.times, row.field) for row in found] == [
        ("TOKEN_CLEANED", 5, "x"),
        ("TIME_ABSENT", 1, "idTag"),
    ]
    assert (found[0].first_time, found[0].last_time) == (NOW, later(60))


async def test_mends_of_a_deleted_station_are_forgotten(db: Database) -> None:
    async with db.write() as tx:
        await reports.add_mended(tx, mended("TOKEN_CLEANED"))
        await reports.forget_mended(tx, "CP1")
    async with db.read() as tx:
        assert await reports.mended_of(tx, "CP1") == []
