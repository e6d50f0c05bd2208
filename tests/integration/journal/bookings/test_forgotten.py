"""Bookings that have been over for long are deleted, with what they know of their holders."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Table, func, select

from domain.bookings.booking import Booking
from domain.bookings.series.series import BookingSeries, SeriesResult
from domain.bookings.states import BookingCause
from fleet import bookings, tables
from fleet.database import Database
from fleet.log.forgotten import has_forgotten
from fleet.log.order import Cursor
from fleet.log.pool_logs import BOOKING_LOG, WAITLIST_LOG, PoolLog
from fleet.pruning import Prunable
from journal.bookings.rows import booking_row
from journal.bookings.series import put_series
from journal.retention import Retention
from journal.settings import RetentionSettings
from tests.integration.journal.bookings.pools import HOUR, NOON, POOL, TENANT, Hub, token_of

DAY = timedelta(days=1)
LATER = max(NOON, datetime.now(UTC)) + 36 * DAY
"""The log has the time of the database."""

FOR_EVER = RetentionSettings(0, 0, 0, 0, 0, 0, 0, 0, 0)


async def pass_at(db: Database, now: datetime) -> dict[Prunable, int]:
    """What a pass has deleted, without what there was nothing of."""
    settings = replace(FOR_EVER, bookings_days=35)
    deleted = await Retention(db, settings, lambda: now).run_once()
    return {what: count for what, count in deleted.items() if count}


async def made(hub: Hub, token: str, at: datetime = NOON) -> Booking:
    booking = await hub.book(token, at)
    assert booking
    return booking


async def there(db: Database, table: Table, text: str) -> int:
    """How many rows of a table say this."""
    async with db.read() as tx:
        rows = (await tx.execute(select(table.c.snapshot))).scalars()
        return sum(text in str(each) for each in rows)


async def missed(db: Database, log: PoolLog) -> bool:
    """Whether a reader from the beginning is known to have missed something."""
    async with db.read() as tx:
        return await has_forgotten(tx, log, TENANT, Cursor(0, 0))


async def test_what_was_over_for_long_is_forgotten_with_its_holder(db: Database) -> None:
    hub = await Hub(db, evses=2).open()
    over, lives = await made(hub, "ANNAS"), await made(hub, "BERTS")
    late = await made(hub, "CLEOS", NOON + 2 * DAY)
    for each in (over, late):
        await hub.end(each.name, BookingCause.CANCELLED_BY_HOLDER)
    assert await pass_at(db, NOON + 34 * DAY) == {}
    assert await pass_at(db, LATER) == {Prunable.BOOKINGS: 1}
    for table in (tables.bookings, tables.booking_changes):
        assert await there(db, table, "ANNAS") == 0
    async with db.read() as tx:
        assert await bookings.booking(tx, TENANT, over.name) is None
    assert (await hub.booking(lives.name)).state == "CONFIRMED"  # nobody knows how it ended
    assert (await hub.booking(late.name)).state == "CANCELLED"
    assert await missed(db, BOOKING_LOG)
    assert await pass_at(db, LATER) == {}
    assert await pass_at(db, LATER + 2 * DAY) == {Prunable.BOOKINGS: 1}


async def test_a_booking_that_was_corrected_lately_stays(db: Database) -> None:
    hub = await Hub(db).open()
    over = await made(hub, "anna")
    async with db.write() as tx:
        await tx.execute(tables.booking_changes.update().values(time=NOON - 90 * DAY))
    await hub.end(over.name, BookingCause.NOBODY_CAME)  # told by the clock of the database
    async with db.write() as tx:
        start = NOON - 90 * DAY
        await tx.execute(tables.bookings.update().values(start_time=start, end_time=start + HOUR))
    assert await pass_at(db, NOON) == {}


async def test_who_waited_is_forgotten_too(db: Database) -> None:
    hub = await Hub(db).open()
    assert await hub.book("full")
    entry = await hub.wait("ANNAS")
    assert await pass_at(db, LATER) == {}  # it waits
    await hub.look(NOON + 2 * HOUR - hub.now)
    assert await hub.state(entry) == "LAPSED"
    assert await pass_at(db, LATER) == {Prunable.WAITLIST_ENTRIES: 1}
    for table in (tables.waitlist_entries, tables.waitlist_changes):
        assert await there(db, table, "ANNAS") == 0
    assert await missed(db, WAITLIST_LOG)


@pytest.mark.parametrize("ends", [1, 2])
async def test_a_series_goes_with_the_last_of_its_bookings(db: Database, ends: int) -> None:
    hub = await Hub(db, evses=2).open()
    both = [await made(hub, "anna"), await made(hub, "bo")]
    results = [SeriesResult("", NOON, NOON + HOUR, booking=each.name) for each in both]
    name = str(uuid.uuid4())
    series = BookingSeries(
        *(name, TENANT, POOL, token_of("anna"), "FREQ=DAILY;COUNT=2", "", "", hub.now),
        results=(*results, SeriesResult("", NOON, NOON + HOUR, reason="POOL_FULL")),
    )
    async with db.write() as tx:
        await put_series(tx, series)
        for each in both:
            part = replace(each, series=name, revision=2)
            await bookings.put_booking(tx, booking_row(part, None))
    for each in both[:ends]:
        await hub.end(each.name, BookingCause.SERIES_CANCELLED)
    assert await pass_at(db, LATER) == {Prunable.BOOKINGS: ends}
    async with db.read() as tx:
        left = (await tx.execute(select(func.count()).select_from(tables.booking_series))).scalar()
    assert left == (0 if ends == 2 else 1)
