"""What happens to who waits is told by the log and as events, each once, in both databases."""

from datetime import timedelta

import pytest

from domain.bookings.states import BookingCause
from domain.bookings.waiting import due_time, ended_as, not_taken, put_off, taken
from domain.bookings.waitlist import WaitState
from fleet import callbacks, event_posts, tables
from fleet.database import Database
from fleet.log.order import Cursor
from fleet.log.pool_logs import WAITLIST_LOG, PoolSelection
from journal.bookings import admitting
from journal.bookings.offering import forget
from journal.bookings.waitlist import record
from journal.event_feeds import EventFeeds, choose
from tests.integration.journal.bookings.pools import HOUR, MINUTE, NOON, POOL, TENANT, Hub


async def told(db: Database, entry: str) -> list[str]:
    """The states of an entry as the log tells them. Their revisions have no gap."""
    async with db.read() as tx:
        found = await WAITLIST_LOG.history(tx, TENANT, entry)
    assert [each.revision for each in found] == list(range(1, len(found) + 1))
    return [each.snapshot["entry"]["state"] for each in found]


async def accept(hub: Hub, entry: str) -> None:
    kept = await hub.booking((await hub.waiter(entry)).booking)
    async with hub.db.write() as tx:
        await hub.known(tx)
        await admitting.change(tx, taken(kept, hub.now))


async def snooze(hub: Hub, entry: str) -> None:
    before = await hub.waiter(entry)
    async with hub.db.write() as tx:
        policy = (await hub.known(tx)).venue.policy
        after = put_off(before, "r1", policy, hub.now)
        assert after
        await record(tx, after, due_time(after, policy, hub.now), before)
        kept = await hub.booking(before.booking)
        await admitting.change(tx, not_taken(kept, BookingCause.CANCELLED_BY_HOLDER, hub.now))


async def leave(hub: Hub, entry: str) -> None:
    before = await hub.waiter(entry)
    async with hub.db.write() as tx:
        await hub.known(tx)
        await record(tx, ended_as(before, WaitState.LEFT), None, before)


async def test_each_state_is_told_once_however_often_it_is_looked(db: Database) -> None:
    hub = await Hub(db).open()
    full = await hub.book("bo")
    assert full
    anna, dan, eve = [await hub.wait(each) for each in ("anna", "dan", "eve")]
    for _ in range(3):
        await hub.look(MINUTE)
    assert await told(db, anna) == ["WAITING"]
    await hub.end(full.name, BookingCause.CANCELLED_BY_HOLDER)
    for _ in range(3):  # dan and eve are asked too, for whom there is no room
        await hub.look()
    assert [await told(db, each) for each in (anna, dan)] == [["WAITING", "OFFERED"], ["WAITING"]]
    await snooze(hub, anna)
    await hub.look()
    await leave(hub, eve)
    await hub.look(15 * MINUTE)  # dan's offer lapses, and anna has rested
    await accept(hub, anna)
    await hub.look()
    assert await told(db, anna) == ["WAITING", "OFFERED", "SNOOZED", "OFFERED", "ACCEPTED"]
    assert await told(db, dan) == ["WAITING", "OFFERED", "LAPSED"]
    assert await told(db, eve) == ["WAITING", "LEFT"]


async def test_who_loses_an_offered_place_and_who_waits_in_vain_is_told_so(db: Database) -> None:
    hub = await Hub(db).open()
    anna = await hub.wait("anna")
    await hub.end((await hub.waiter(anna)).booking, BookingCause.POOL_CLOSED)
    assert await told(db, anna) == ["WAITING", "OFFERED", "WAITING"]
    bo = await hub.wait("bo", NOON + HOUR)
    await hub.end((await hub.waiter(bo)).booking, BookingCause.CANCELLED_BY_OPERATOR)
    assert await told(db, bo) == ["WAITING", "OFFERED", "LEFT"]
    async with db.write() as tx:  # its pool is not there any more
        await forget(tx, TENANT, POOL, NOON + HOUR)
        await forget(tx, TENANT, POOL, NOON + HOUR)
    assert await told(db, anna) == ["WAITING", "OFFERED", "WAITING", "OFFERED", "LAPSED"]


async def test_nothing_is_told_of_what_was_not_committed(db: Database) -> None:
    hub = await Hub(db).open()
    anna = await hub.wait("anna")
    before = await told(db, anna)
    with pytest.raises(RuntimeError):
        async with db.write() as tx:
            await hub.known(tx)
            await record(tx, ended_as(await hub.waiter(anna), WaitState.LEFT), None)
            raise RuntimeError
    assert await told(db, anna) == before
    async with db.read() as tx:
        everything = PoolSelection(TENANT)
        assert len(await WAITLIST_LOG.read_after(tx, Cursor(0, 0), everything, 10)) == len(before)


async def test_an_entry_of_the_time_before_changes_were_kept_is_told_from_its_next_change_on(
    db: Database,
) -> None:
    hub = await Hub(db).open()
    assert await hub.book("bo")
    anna = await hub.wait("anna")
    async with db.write() as tx:
        await tx.execute(tables.waitlist_changes.delete())
    await hub.look(timedelta(hours=1))
    await leave(hub, anna)
    async with db.read() as tx:
        (change,) = await WAITLIST_LOG.history(tx, TENANT, anna)
    assert (change.revision, change.snapshot["entry"]["state"]) == (2, "LEFT")


async def test_each_change_is_an_event_once_whoever_looks(db: Database) -> None:
    hub = await Hub(db).open()
    who = {"tenant": TENANT, "caller": "desk", "now": hub.now}
    settings = {"url": "https://r.example.com", "events": "OUTCOMES", "disable_reason": ""}
    async with db.write() as tx:
        await callbacks.put(tx, **who, **settings, event_types=("waitlist.*",))  # type: ignore[arg-type]
        await choose(tx, TENANT, "desk", ("waitlist.*",))
    workers = [EventFeeds(db, lambda: hub.now) for _ in range(2)]
    anna = await hub.wait("anna")
    await workers[0].look()
    await hub.look(15 * MINUTE)
    for worker in (*workers, *workers):
        await worker.look()
    async with db.read() as tx:
        found = await event_posts.list_page(tx, tenant=TENANT, limit=100)
    events = sorted(found, key=lambda row: row.sequence)
    assert [(each.subject, each.resource, each.news) for each in events] == [
        ("waitlist", anna, f"waitlist.{state}") for state in ("waiting", "offered", "lapsed")
    ]
