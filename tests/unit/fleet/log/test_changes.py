"""Changes of stations and sessions: written once, read in their order, forgotten in time."""

import re
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.log import changes, changes_read
from fleet.log.changes import SessionChanged, StationChanged
from fleet.log.changes_read import ChangeEntry, ChangeFilter
from fleet.log.order import Cursor
from tests.integration.fleet.test_pages import plan_of
from tests.support.databases import Postgres
from tests.support.fleet_rows import NOW, later, make_station

START = Cursor(0, 0)
OF_STATIONS, OF_SESSIONS = ChangeFilter("acme", sessions=False), ChangeFilter("acme", sessions=True)


async def write(tx: Tx, station: str, what: str = "BOOTED", at_s: float = 0) -> None:
    await changes.station_changed(tx, station, StationChanged(what), later(at_s), {"n": "1"})


def session(name: str, station: str = "CP1", tenant: str = "acme") -> Any:
    return SimpleNamespace(tenant=tenant, station=station, name=name)


async def read(
    db: Database, which: ChangeFilter, cursor: Cursor = START, limit: int = 100
) -> list[ChangeEntry]:
    async with db.read() as tx:
        return await changes_read.read_after(tx, cursor, which, limit)


@pytest.fixture
async def stations(db: Database) -> Database:
    """CP1 and CP2 of one tenant, NORTH-1 of another one."""
    async with db.write() as tx:
        for id, tenant in (("CP1", "acme"), ("CP2", "acme"), ("NORTH-1", "other")):
            await make_station(tx, id, tenant=tenant)
    async with db.read() as tx:
        beginning.append(await changes_read.head(tx))
    return db


beginning: list[Cursor] = []


async def test_changes_come_in_their_order_and_only_after_the_cursor(stations: Database) -> None:
    first = beginning[-1]
    async with stations.write() as tx:
        await write(tx, "CP1", "BOOTED", 1)
        await write(tx, "CP2", "CONNECTOR", 2)
    async with stations.write() as tx:
        await write(tx, "CP1", "DISCONNECTED", 3)
    told = await read(stations, OF_STATIONS, first)
    assert [(each.station, each.what, each.facts, each.time) for each in told] == [
        ("CP1", "BOOTED", {"n": "1"}, later(1)),
        ("CP2", "CONNECTOR", {"n": "1"}, later(2)),
        ("CP1", "DISCONNECTED", {"n": "1"}, later(3)),
    ]
    assert await read(stations, OF_STATIONS, told[0].cursor, limit=1) == [told[1]]
    async with stations.read() as tx:
        assert await read(stations, OF_STATIONS, await changes_read.head(tx)) == []


@pytest.mark.parametrize(
    ("which", "told"),
    [
        (OF_STATIONS, ["CP1", "CP2"]),
        (ChangeFilter("acme", sessions=False, stations=("CP2",)), ["CP2"]),
        (ChangeFilter("acme", sessions=False, groups=("CP1", "NORTH-")), ["CP1"]),
        (ChangeFilter("acme", sessions=False, stations=("CP2",), groups=("CP1",)), []),
        (ChangeFilter("other", sessions=False), ["NORTH-1"]),
        (OF_SESSIONS, ["one", "two"]),
        (ChangeFilter("acme", sessions=True, names=("two",)), ["two"]),
        (ChangeFilter("acme", sessions=True, stations=("CP1",)), ["one"]),
        (ChangeFilter("other", sessions=True), ["theirs"]),
    ],
    ids=str,
)
async def test_a_filter_tells_what_it_selects(
    stations: Database, which: ChangeFilter, told: list[str]
) -> None:
    first = beginning[-1]
    async with stations.write() as tx:
        for id in ("CP1", "CP2", "NORTH-1", "unknown"):
            await write(tx, id)
        for one in (
            session("one"),
            session("two", "CP2"),
            session("theirs", "NORTH-1", "other"),
        ):
            await changes.session_changed(tx, one, SessionChanged.STARTED, NOW)
    assert [each.session or each.station for each in await read(stations, which, first)] == told


async def test_a_deleted_station_is_told_of_though_its_row_is_gone(db: Database) -> None:
    async with db.write() as tx:
        await changes.station_left(tx, "acme", "CP9", NOW)
    (told,) = await read(db, OF_STATIONS)
    assert (told.station, told.what, told.facts) == ("CP9", "DELETED", None)


async def test_what_grew_is_told_to_who_follows(stations: Database) -> None:
    first = beginning[-1]
    async with stations.write() as tx:
        await write(tx, "CP1")
        await changes.session_changed(tx, session("one", "CP2"), SessionChanged.ENDED, NOW)
    async with stations.read() as tx:
        grown = await changes_read.changed_after(tx, "acme", first, 10)
        assert await changes_read.changed_after(tx, "other", first, 10) == []
    assert [station for _, station in grown] == ["CP1", "CP2"]


async def test_old_changes_are_forgotten_and_who_missed_them_is_known(stations: Database) -> None:
    first = beginning[-1]
    async with stations.write() as tx:
        for at_s in range(5):
            await write(tx, "CP1", at_s=at_s)
            await write(tx, "NORTH-1", at_s=at_s)
    known = await read(stations, OF_STATIONS, first)
    assert await forget(stations, later(3)) == 9  # three of each and three CREATED
    left = await read(stations, OF_STATIONS)
    assert [each.time for each in left] == [later(3), later(4)]
    async with stations.read() as tx:
        missed = [await changes_read.has_forgotten(tx, "acme", each.cursor) for each in known]
        assert missed == [True, True, False, False, False]
        assert await changes_read.has_forgotten(tx, "nobody", START) is False
    assert await forget(stations, later(3)) == 0


async def forget(db: Database, before: Any) -> int:
    """One pass."""
    total, tenant = 0, ""
    while True:
        async with db.write() as tx:
            count, following = await changes_read.forget_old(tx, before, tenant)
        total += count
        if following is None:
            return total
        tenant = following


async def test_a_pass_is_made_in_batches(
    stations: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes_read, "BATCH", 2)
    async with stations.write() as tx:
        for at_s in range(7):
            await write(tx, "CP2", at_s=at_s)
    await forget(stations, later(6))
    assert [each.time for each in await read(stations, OF_STATIONS)] == [later(6)]
    await forget(stations, NOW + timedelta(days=1))
    assert await read(stations, OF_STATIONS) == []


async def test_changes_of_one_station_come_in_their_order_though_an_older_transaction_wrote_last(
    postgres_server: Postgres,
) -> None:
    async with postgres_server.fresh() as url:
        db = await Database.open(url, migrate=False)
        async with db.write() as tx:
            await make_station(tx, "CP1")
            await make_station(tx, "CP2")
        async with db.read() as tx:
            first = await changes_read.head(tx)
        async with db.write() as older:
            await write(older, "CP2", "BOOTED")
            async with db.write() as newer:
                await write(newer, "CP1", "DISCONNECTED")
            assert await read(db, OF_STATIONS, first) == []  # the older one may still write before
            await write(older, "CP1", "CONNECTED")
        told = await read(db, OF_STATIONS, first)
        assert [each.what for each in told if each.station == "CP1"] == [
            "DISCONNECTED",
            "CONNECTED",
        ]
        assert len(told) == 3
        await db.close()


async def test_reading_the_changes_of_a_tenant_begins_at_the_cursor(
    postgres_server: Postgres,
) -> None:
    async with postgres_server.fresh() as url:
        db = await Database.open(url, migrate=False)
        plan = await plan_of(db, lambda tx: changes_read.read_after(tx, START, OF_STATIONS, 10))
        await db.close()
    assert re.search(
        r"ix_station_changes_tenant_tx_id_seq.*\n *Index Cond: .*ROW\(tx_id, seq\)", plan
    )


async def test_another_process_hears_that_stations_of_the_tenant_changed(
    stations: Database, fleet_url: str
) -> None:
    other = await Database.open(fleet_url, migrate=False)
    async with stations.watch() as news:
        while await news.wait(0.3):
            news.take()
        async with other.write() as tx:
            await write(tx, "CP1")
        assert await news.wait(5)
        heard = news.take()
    assert heard.unnamed or heard.named == {"acme/stations"}  # SQLite names nothing
    await other.close()


async def test_its_own_process_hears_it_too(stations: Database) -> None:
    async with stations.watch() as news:
        while await news.wait(0.3):
            news.take()
        await stations.batch(
            lambda tx: changes.session_changed(tx, session("s"), SessionChanged.ENDED, NOW)
        )
        assert await news.wait(5)
        assert "acme/stations" in news.take().named
