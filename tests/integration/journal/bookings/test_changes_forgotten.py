"""Old changes of bookings and of who waits are deleted, and who missed them is known."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.bookings.booking import Booking
from domain.bookings.carrying import ended
from domain.bookings.states import BookingCause, BookingState
from fleet import bookings, tables
from fleet.bookings import WaitlistRow
from fleet.database import Database
from fleet.log import forgotten
from fleet.log.forgotten import has_forgotten
from fleet.log.order import Cursor
from fleet.log.pool_logs import BOOKING_LOG, WAITLIST_LOG, PoolChange, PoolLog, PoolSelection
from fleet.pruning import Prunable
from journal.bookings import admitting
from journal.bookings.rows import booking_row
from journal.bookings.story import read_story
from journal.retention import Retention
from journal.settings import RetentionSettings
from tests.integration.journal.bookings.pools import HOUR, NOON, TENANT, Hub

TODAY = datetime.now(UTC)
"""The log has the time of the database."""

DAY = timedelta(days=1)


async def pass_at(db: Database, now: datetime) -> dict[Prunable, int]:
    """What a pass has deleted, without what there was nothing of."""
    settings = RetentionSettings(changes_days=7, booking_changes_days=90)
    deleted = await Retention(db, settings, lambda: now).run_once()
    return {what: count for what, count in deleted.items() if count}


async def changes(db: Database, log: PoolLog, tenant: str = TENANT) -> list[PoolChange]:
    async with db.read() as tx:
        return await log.read_after(tx, Cursor(0, 0), PoolSelection(tenant), 100)


async def missed(db: Database, log: PoolLog, told: list[PoolChange]) -> list[bool]:
    """Of a reader behind each of these changes: whether it is known that it has missed some."""
    async with db.read() as tx:
        return [await has_forgotten(tx, log, TENANT, each.cursor) for each in told]


async def story(db: Database, booking: Booking) -> int:
    async with db.read() as tx:
        return len(await read_story(tx, booking))


async def made(hub: Hub, token: str, hours: int) -> Booking:
    booking = await hub.book(token, NOON + hours * HOUR)
    assert booking
    return booking


async def test_the_changes_of_a_booking_that_is_over_go_and_those_of_others_stay(
    db: Database,
) -> None:
    hub = await Hub(db).open()
    over, lives = await made(hub, "anna", 0), await made(hub, "bo", 2)
    await hub.end(over.name, BookingCause.CANCELLED_BY_HOLDER)
    told = await changes(db, BOOKING_LOG)
    assert [each.name for each in told] == [over.name, lives.name, over.name]
    assert await pass_at(db, TODAY + 89 * DAY) == {}
    assert await missed(db, BOOKING_LOG, told) == [False, False, False]
    assert await pass_at(db, TODAY + 91 * DAY) == {Prunable.BOOKING_CHANGES: 2}
    assert await changes(db, BOOKING_LOG) == [told[1]]
    assert await missed(db, BOOKING_LOG, told) == [True, True, False]
    assert await missed(db, WAITLIST_LOG, told) == [False, False, False]
    assert await story(db, await hub.booking(over.name)) == 2  # who asked, and how it stands
    assert (await hub.booking(over.name)).state == "CANCELLED"
    assert await pass_at(db, TODAY + 91 * DAY) == {}


async def test_a_booking_that_has_ended_lately_keeps_what_happened_long_before(
    db: Database,
) -> None:
    hub = await Hub(db).open()
    booking = await made(hub, "anna", 0)
    async with db.write() as tx:
        long_ago = tables.booking_changes.update().values(time=TODAY - 100 * DAY)
        await tx.execute(long_ago)
    await hub.end(booking.name, BookingCause.CANCELLED_BY_HOLDER)
    assert await pass_at(db, TODAY + DAY) == {}
    assert len(await changes(db, BOOKING_LOG)) == 2


async def test_changes_of_who_waits_go_when_they_are_old_and_the_entries_stay(
    db: Database,
) -> None:
    hub = await Hub(db).open()
    entry = await hub.wait("anna")
    told = await changes(db, WAITLIST_LOG)
    assert len(told) == 2
    assert await pass_at(db, TODAY + 6 * DAY) == {}
    assert await pass_at(db, TODAY + 8 * DAY) == {Prunable.WAITLIST_CHANGES: 2}
    assert await changes(db, WAITLIST_LOG) == []
    assert await missed(db, WAITLIST_LOG, told) == [True, False]
    assert await hub.state(entry) == "OFFERED"
    await hub.end((await hub.waiter(entry)).booking, BookingCause.CANCELLED_BY_OPERATOR)
    (after,) = await changes(db, WAITLIST_LOG)
    assert after.revision == 3
    assert await missed(db, WAITLIST_LOG, [after]) == [False]


async def test_a_pass_goes_through_each_tenant_in_batches(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgotten, "BATCH", 2)
    hub = await Hub(db).open()
    live = [await made(hub, f"t{number}", number) for number in range(5)]
    async with db.write() as tx:
        for booking in live[::2]:
            await admitting.change(tx, ended(booking, BookingCause.CANCELLED_BY_HOLDER, hub.now))
        for tenant in ("a", "z"):
            other = replace(live[0], tenant=tenant, state=BookingState.CANCELLED)
            await bookings.put_booking(tx, booking_row(other, None))
            for number in range(3):
                row = WaitlistRow(
                    *(tenant, f"w{number}", "hub", "LEFT", 1, NOON, NOON + HOUR, None, {}),
                )
                await bookings.put_waitlist_entry(tx, row)
    assert await pass_at(db, TODAY + 91 * DAY) == {
        Prunable.WAITLIST_CHANGES: 6,
        Prunable.BOOKING_CHANGES: 8,
    }
    left = await changes(db, BOOKING_LOG)
    assert [each.name for each in left] == [live[1].name, live[3].name]
    assert await changes(db, BOOKING_LOG, "a") == await changes(db, WAITLIST_LOG, "z") == []
