"""What stands beside a new booking is read narrowly, and says what the snapshots say."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.bookings.admission import BookablePool
from domain.bookings.booking import Booking
from domain.bookings.places import Needs
from domain.bookings.policies.local_time import Period
from domain.bookings.policies.policy import BookingPolicy, Per, Quota, Rule
from domain.bookings.spans import Span
from domain.bookings.states import BookingState
from domain.model.specs import IdToken
from fleet import bookings
from fleet.bookings import PoolRow
from fleet.database import Database
from journal.bookings.beside import read_standing, standing_beside
from journal.bookings.rows import KnownPool, booking_row, pool_content, standing_from
from tests.unit.domain.bookings.asking import local
from tests.unit.domain.bookings.bookings_made import ID_TOKEN, booking, pool

NOW = local("08:00")
NEW = booking("14:00", "15:00", name="new", place="", pool="hub")
BERT = IdToken("ISO14443", "****rt", "sealed", "bert")


def known(*per: Per, period: Period = Period.MONTH) -> KnownPool:
    rules = tuple(Rule(f"{each}", Quota(each, period, 3)) for each in per)
    venue = BookablePool(pool(2), BookingPolicy(rules), ZoneInfo("Europe/Berlin"))
    return KnownPool(PoolRow("acme", "hub", pool_content(venue.pool), 1, 1, NOW, NOW), venue)


async def store(db: Database, *some: Booking) -> None:
    async with db.write() as tx:
        for each in some:
            await bookings.put_booking(tx, booking_row(each, None))


async def beside(db: Database, new: Booking, *per: Per) -> set[str]:
    asked = Span(new.start_time, new.end_time)
    async with db.read() as tx:
        rows = await standing_beside(tx, known(*per), new, asked, new.start_time)
    return {each.name for each in read_standing(rows)}


def far(name: str, **fields: object) -> Booking:
    """A booking of the same month, so far away that it is in nobody's way."""
    return booking("2026-12-20 09:00", "2026-12-20 10:00", name=name, **fields)


async def test_a_narrow_row_says_what_the_snapshot_says(db: Database) -> None:
    some = [
        booking(name="plain"),
        booking(name="needy", needs=Needs(frozenset({"CCS", "Type2"}), 50_000, frozenset({"x"}))),
        booking(name="fleet", account="acme-cars", groups=frozenset({'A"', "B%_", "Ä"})),
        booking(name="bound", state=BookingState.BOUND, place="S/2"),
        booking(name="early", state=BookingState.FULFILLED, end_of_life_time=local("14:20")),
    ]
    await store(db, *some)
    every = tuple(state.value for state in BookingState)
    async with db.read() as tx:
        span = local("14:00"), local("15:00")
        rows = await bookings.standing_in_span(tx, "acme", "hub", span, every)
    told = {each.name: each for each in map(standing_from, rows)}
    for whole in some:
        narrow = told[whole.name]
        for field in ("state", "place", "needs", "start_time", "end_time", "request", "ended"):
            assert getattr(narrow, field) == getattr(whole, field), (whole.name, field)


async def test_a_changed_booking_is_read_as_it_is_now(db: Database) -> None:
    once = booking(name="one", groups=frozenset("A"))
    await store(db, once)
    later = replace(
        once, start_time=local("16:00"), end_time=local("17:00"), needs=Needs(frozenset({"CCS"}))
    )
    await store(db, later)
    async with db.write() as tx:
        await bookings.place_bookings(tx, "acme", {"one": "S/9"})
        await bookings.place_bookings(tx, "acme", {})
    async with db.read() as tx:
        span = local("16:30"), local("16:40")
        (row,) = await bookings.standing_in_span(tx, "acme", "hub", span)
    narrow = standing_from(row)
    assert (narrow.request, narrow.needs, narrow.place) == (later.request, later.needs, "S/9")


async def test_who_is_a_day_away_may_move_and_who_is_farther_is_not_read(db: Database) -> None:
    await store(
        db,
        booking("2026-12-01 13:00", "2026-12-01 14:01", name="the day before"),
        booking("2026-12-01 13:00", "2026-12-01 14:00", name="more than a day before"),
        booking("2026-11-10 13:00", "2026-12-10 14:00", name="a month long"),
        booking(name="another pool", pool="yard"),
        booking(name="ended", state=BookingState.FULFILLED),
        replace(NEW, state=BookingState.CONFIRMED),
    )
    assert await beside(db, NEW) == {"the day before", "a month long"}


@pytest.mark.parametrize(
    ("per", "found"),
    [
        (Per.HOLDER, {"own", "own with account", "own that was used"}),
        (Per.ACCOUNT, {"own", "of the account", "own that was used"}),
        (Per.GROUP, {"of the group", "own with account"}),
    ],
)
async def test_a_quota_reads_only_what_counts_for_it(
    db: Database, per: Per, found: set[str]
) -> None:
    await store(
        db,
        far("own"),
        far("own with account", account="else", groups=frozenset({'A"B', "C"})),
        far("own that was used", state=BookingState.FULFILLED, end_of_life_time=NOW),
        far("own that was cancelled", state=BookingState.CANCELLED, end_of_life_time=NOW),
        far("of the account", id_token=BERT, account="cars"),
        far("of the group", id_token=BERT, account="else", groups=frozenset({'A"B'})),
        far("of others", id_token=BERT, groups=frozenset({"B", "A"})),
    )
    asked = replace(NEW, account="cars", groups=frozenset({'A"B'}))
    assert await beside(db, asked, per) == found


async def test_without_an_account_one_counts_by_the_token(db: Database) -> None:
    await store(db, far("own"), far("own with account", account="cars"), far("x", id_token=BERT))
    assert await beside(db, NEW, Per.ACCOUNT) == {"own"}
    assert await beside(db, NEW, Per.GROUP) == set()
    assert await beside(db, NEW, *Per) == {"own", "own with account"}


async def test_a_search_reads_what_counts_in_the_last_week_that_it_reaches(db: Database) -> None:
    """From Wednesday for a week: what the holder has on the Sunday after its end counts as well."""
    await store(db, booking("2026-12-13 09:00", "2026-12-13 10:00", name="sunday"))
    asked = Span(local("14:00"), local("2026-12-09 14:00"))
    async with db.read() as tx:
        rows = await standing_beside(
            tx, known(Per.HOLDER, period=Period.WEEK), NEW, asked, asked.end - timedelta(hours=1)
        )
    assert [row.name for row in rows] == ["sunday"]
    assert rows[0].holder_token == ID_TOKEN.digest
