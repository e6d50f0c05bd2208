"""Events are found in the logs once, whoever looks, and in order for each resource."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from contract import names
from domain.callback_events import EventSubject, thread_id
from domain.model.specs import IdToken
from domain.reservations.reservation import Reservation, ReservationState
from fleet import callbacks, event_posts, stations, wakeups
from fleet.database import Database
from fleet.event_posts import EventDelivery
from fleet.log.changes import StationChanged, station_changed
from journal import event_feeds
from journal.event_feeds import EventFeeds, choose
from journal.reservations.record import record
from tests.support.fleet_rows import NOW, make_station

ALL = ("station.*", "transaction.*", "reservation.*")


async def chosen(
    db: Database, *types: str, caller: str = "desk", tenant: str = "acme", **more: object
) -> None:
    who = {"tenant": tenant, "caller": caller}
    settings = {"url": "https://r.example.com", "events": "OUTCOMES", "disable_reason": "", **more}
    async with db.write() as tx:
        await callbacks.put(tx, **who, **settings, event_types=types, now=NOW)  # type: ignore[arg-type]
        await choose(tx, tenant, caller, types)


async def happened(db: Database, *whats: StationChanged, station: str = "CP1") -> None:
    for what in whats:
        async with db.write() as tx:
            await station_changed(tx, station, what, NOW)


async def rows(db: Database) -> list[EventDelivery]:
    async with db.read() as tx:
        found = await event_posts.list_page(tx, tenant="acme", limit=1_000)
    return sorted(found, key=lambda row: row.sequence)


def feeds(db: Database) -> EventFeeds:
    return EventFeeds(db, lambda: NOW)


async def test_nobody_looks_for_what_nobody_chose(db: Database) -> None:
    async with db.write() as tx:
        await make_station(tx, "CP1")
    assert not await feeds(db).look()
    await chosen(db, "command.*")
    assert not await feeds(db).look()
    await chosen(db, "command.*", "station.booted")
    assert await feeds(db).look()
    assert await rows(db) == []


async def test_what_several_workers_find_at_once_is_written_once(db: Database) -> None:
    await chosen(db, *ALL)
    async with db.write() as tx:
        await make_station(tx, "CP1")
    workers = [feeds(db) for _ in range(4)]
    for _ in range(5):
        await happened(db, StationChanged.UPDATED, StationChanged.BOOTED)
        await asyncio.gather(*(worker.look() for worker in workers))
    await workers[0].look()
    found = await rows(db)
    kinds = ["station.created", *["station.updated", "station.booted"] * 5]
    assert [row.news for row in found] == kinds
    numbers = [row.sequence for row in found]
    assert numbers == sorted(set(numbers))
    assert len({row.id for row in found}) == len(found)


async def test_a_worker_that_dies_before_it_commits_leaves_the_events_to_the_next(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await chosen(db, "station.*")
    async with db.write() as tx:
        await make_station(tx, "CP1")

    async def dies(*_: object) -> None:
        raise KeyError

    with monkeypatch.context() as broken:
        broken.setattr(event_feeds, "wake_event_posts", dies)
        with pytest.raises(KeyError):
            await feeds(db).look()
    assert await rows(db) == []
    await feeds(db).look()
    assert [row.news for row in await rows(db)] == ["station.created"]


async def test_each_thread_gets_its_workflow_in_the_same_transaction(db: Database) -> None:
    await chosen(db, "station.*")
    async with db.write() as tx:
        await make_station(tx, "CP1")
        await make_station(tx, "CP2")
    await happened(db, StationChanged.UPDATED)
    await feeds(db).look()
    async with db.read() as tx:
        due = await wakeups.due(tx, before=NOW + timedelta(days=1), limit=9)
    ids = {
        names.event_posts_workflow_id("acme", "station", thread_id("desk", EventSubject.STATION, s))
        for s in ("CP1", "CP2")
    }
    assert {each.workflow_id for each in due} == ids
    starts = [each.starts for each in due]
    assert {each.argument["resource"] for each in starts if each} == {"CP1", "CP2"}


async def test_more_than_a_batch_is_found_without_a_gap(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_feeds, "_BATCH", 3)
    await chosen(db, "station.booted")
    async with db.write() as tx:
        await make_station(tx, "CP1")
    await happened(db, *[StationChanged.UPDATED] * 4, *[StationChanged.BOOTED] * 7)
    await feeds(db).look()
    assert [row.news for row in await rows(db)] == ["station.booted"] * 7


@pytest.mark.parametrize("fleet_url", ["postgresql"], indirect=True)
async def test_what_an_older_transaction_holds_back_is_found_when_it_ends(db: Database) -> None:
    """SQLite has one writer at a time: no transaction is overtaken there."""
    async with db.write() as tx:
        await make_station(tx, "CP1")
        await make_station(tx, "CP2")
    await chosen(db, "station.*")
    worker = feeds(db)
    async with db.write() as older:
        await station_changed(older, "CP1", StationChanged.BOOTED, NOW)
        await happened(db, StationChanged.UPDATED, station="CP2")
        await worker.look()
        assert await rows(db) == []
    await worker.look()
    assert {row.news for row in await rows(db)} == {"station.booted", "station.updated"}
    await worker.look()
    assert len(await rows(db)) == 2


async def test_other_tenants_and_stations_outside_the_groups_are_passed_by(db: Database) -> None:
    await chosen(db, "station.*", groups=["MINE-"])
    async with db.write() as tx:
        await make_station(tx, "MINE-1")
        await make_station(tx, "THEIRS-1")
        values = {"location": "", "security_profile": 1, "password_hash": None, "now": NOW}
        await stations.create(tx, id="MINE-2", tenant="other", **values)  # type: ignore[arg-type]
    await feeds(db).look()
    assert [row.station for row in await rows(db)] == ["MINE-1"]


def _become(then: Reservation, _: Reservation) -> Reservation:
    return then


async def test_every_state_of_a_reservation_is_an_event_of_its_own(db: Database) -> None:
    await chosen(db, "reservation.*")
    await chosen(db, "reservation.expired", caller="other")
    held = ReservationState.HELD
    name = "0123456789abcdef01234567"
    asked = Reservation(
        name=name,
        tenant="acme",
        station="CP1",
        wire_id=7,
        id_token=IdToken(type="ISO14443", masked="****", sealed="s", digest="d"),
        state=ReservationState.REQUESTED,
        create_time=NOW,
        expire_time=NOW,
        workflow_id="w",
        command="c",
    )
    steps = [
        asked,
        replace(asked, state=held),
        replace(asked, state=held, progress="asks the station"),
        replace(asked, state=ReservationState.EXPIRED),
    ]
    for number, step in enumerate(steps):
        changed = replace(step, revision=number)
        async with db.write() as tx:
            await record(
                tx,
                tenant="acme",
                name=name,
                key=f"step:{number}",
                change=partial(_become, changed),
                now=NOW,
                initial=asked,
            )
    await feeds(db).look()
    found = await rows(db)
    ours = [(row.news, row.revision) for row in found if row.caller == "desk"]
    assert ours == [
        ("reservation.requested", 1),
        ("reservation.held", 2),
        ("reservation.updated", 3),
        ("reservation.expired", 4),
    ]
    assert [row.news for row in found if row.caller == "other"] == ["reservation.expired"]
    assert {row.resource for row in found} == {name}
