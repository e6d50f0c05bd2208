"""An EVSE chosen for a booking takes nobody else's place away."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from domain.bookings.admission import BookablePool
from domain.bookings.booking import Booking
from domain.bookings.places import Needs
from domain.bookings.policies.policy import BookingPolicy
from domain.bookings.pool import Pool, PoolMember
from fleet import bookings, connections
from fleet.bookings import PoolRow
from fleet.database import Database
from journal.bookings.places import choose
from journal.bookings.rows import KnownPool, booking_row, pool_content
from tests.support.fleet_rows import make_station
from tests.unit.domain.bookings.asking import local
from tests.unit.domain.bookings.bookings_made import booking

NOW = local("13:30")
CCS = frozenset({"CCS"})
NEEDS_CCS = Needs(CCS)


def known(*members: PoolMember, buffer: timedelta = timedelta()) -> KnownPool:
    pool = Pool(members, "Europe/Berlin", "plain")
    venue = BookablePool(pool, BookingPolicy(buffer=buffer), ZoneInfo("Europe/Berlin"))
    return KnownPool(PoolRow("acme", "hub", pool_content(pool), 1, 1, NOW, NOW), venue)


FIRST, SECOND, THIRD = (
    PoolMember("S", 1, CCS),
    PoolMember("S", 2, CCS),
    PoolMember("S", 3, frozenset({"Type2"})),
)


async def chosen(db: Database, where: KnownPool, one: Booking, *others: Booking) -> str | None:
    """The place that is chosen, at a station that is connected."""
    async with db.write() as tx:
        await make_station(tx, "S")
        await connections.renew_gateway(tx, "gw", until=NOW + timedelta(days=1))
        await connections.claim(
            tx, station="S", gateway="gw", connection_id="c", ocpp_version="ocpp1.6", now=NOW
        )
        for each in (one, *others):
            await bookings.put_booking(tx, booking_row(each, None))
        found = await choose(tx, where, one, NOW)
    return found.place if found else None


async def place_of(db: Database, name: str) -> str:
    async with db.read() as tx:
        row = await bookings.booking(tx, "acme", name)
    assert row is not None
    return row.place


async def test_another_booking_is_moved_where_it_has_room_until_its_end(db: Database) -> None:
    """The other one can only go to an EVSE that is booked in its second hour."""
    one = booking(name="one", place="S/1", tried=("S/1",), needs=NEEDS_CCS)
    other = booking("14:30", "16:00", name="other", place="S/2")
    type2 = Needs(frozenset({"Type2"}))
    later = booking("15:30", "16:30", name="later", place="S/3", needs=type2)
    where = known(FIRST, SECOND, THIRD)
    assert await chosen(db, where, one, other, later) is None
    assert await place_of(db, "other") == "S/2"


async def test_another_booking_is_moved_when_it_has_room(db: Database) -> None:
    one = booking(name="one", place="S/1", tried=("S/1",), needs=NEEDS_CCS)
    other = booking("14:30", "16:00", name="other", place="S/2")
    assert await chosen(db, known(FIRST, SECOND, THIRD), one, other) == "S/2"
    assert await place_of(db, "other") == "S/3"


async def test_the_pause_before_a_chosen_place_is_kept(db: Database) -> None:
    one = booking(name="one", place="S/1", tried=("S/1",), needs=NEEDS_CCS)
    before = booking("13:00", "13:58", name="before", place="S/2", needs=NEEDS_CCS)
    where = known(FIRST, SECOND, buffer=timedelta(minutes=5))
    assert await chosen(db, where, one, before) is None
    assert await chosen_again(db, where, one, before) == "S/2"


async def chosen_again(db: Database, where: KnownPool, one: Booking, before: Booking) -> str | None:
    """The place that is chosen when the one before ends in time."""
    earlier = replace(before, end_time=local("13:55"))
    async with db.write() as tx:
        await bookings.put_booking(tx, booking_row(earlier, None))
        found = await choose(tx, where, one, NOW)
    return found.place if found else None
