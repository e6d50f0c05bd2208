"""Promises that cannot be kept, in both databases, with a clock: who moves, and who gives way."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from domain.bookings.booking import Booking
from domain.bookings.pool import Pool, PoolClosure, PoolMember
from domain.bookings.states import BookingState
from domain.commands.timing import Timing
from domain.ocpp_words import ConnectorStatus
from fleet import bookings, connections, stations
from fleet.bookings import PoolRow
from fleet.database import Database
from journal.bookings import admitting, displacing
from journal.bookings.carrying import Carrier
from journal.bookings.places import choose
from journal.bookings.rows import booking_row, pool_content
from tests.integration.journal.bookings.pools import HOUR, MINUTE, NOON, POOL, TENANT, Hub
from tests.support.fleet_rows import make_station

GUESTS = {
    "displace_first": ["GUESTS"],
    "rules": [{"id": "a", "groups": ["A"], "share": {"places": 1, "release_before": "30d"}}],
}


async def connected(hub: Hub) -> None:
    """The station of the pool is there."""
    async with hub.db.write() as tx:
        await make_station(tx, "S", now=hub.now)
        await connections.renew_gateway(tx, "gw", until=NOON + timedelta(days=30))
        await connections.claim(
            tx,
            station="S",
            gateway="gw",
            connection_id="c1",
            ocpp_version="ocpp1.6",
            now=hub.now,
        )


async def broken(hub: Hub, evse_id: int) -> None:
    """An EVSE of the station reports a fault."""
    async with hub.db.write() as tx:
        await stations.set_connector(
            tx,
            station="S",
            evse_id=evse_id,
            connector_id=1,
            status=ConnectorStatus.FAULTED,
            error_code="",
            now=hub.now,
        )


async def shrink(hub: Hub, *evses: int, closures: tuple[PoolClosure, ...] = ()) -> list[Booking]:
    """The pool has these EVSEs now. Returns who lost a booking."""
    async with hub.db.write() as tx:
        before = await hub.known(tx)
        members = tuple(PoolMember("S", number) for number in evses)
        pool = replace(before.pool, members=members, closures=closures)
        await put(hub, before.row, pool, tx)
        displaced, _ = await displacing.plan_pool(tx, await hub.known(tx), before.pool, hub.now)
    await hub.look()
    return displaced


async def put(hub: Hub, row: PoolRow, pool: Pool, tx: object) -> None:
    changed = replace(row, content=pool_content(pool), revision=row.revision + 1)
    members = [(each.station, each.evse_id) for each in pool.members]
    await bookings.update_pool(tx, changed, members)  # type: ignore[arg-type]


async def test_capacity_shrunk_under_existing_bookings_is_told_at_once_with_other_times(
    db: Database,
) -> None:
    hub = await Hub(db, evses=2).open()
    first, last = await hub.book("anna"), await hub.book("bo")
    assert first and last
    hub.now += MINUTE
    (lost,) = await shrink(hub, 1)
    assert (lost.state, lost.cause) == ("DISPLACED", "POOL_SHRUNK")
    kept = next(each for each in (first, last) if each.name != lost.name)
    assert (await hub.booking(kept.name)).place == "S/1"
    spans = [(start - NOON, end - NOON) for start, end in lost.alternatives]
    assert spans[0] == (HOUR, 2 * HOUR)
    assert spans[1] == (-HOUR, 0 * HOUR)
    assert len(spans) == 3
    entry = await hub.waiter(lost.waitlist_entry)
    assert (entry.instead_of, entry.entry.displaced, entry.entry.state) == (
        *(lost.name, True, "WAITING"),
    )


async def test_who_was_displaced_is_offered_the_first_place_before_who_waits_longer(
    db: Database,
) -> None:
    hub = await Hub(db, evses=2).open()
    kept, _ = await hub.book("anna"), await hub.book("bo")
    waiting = await hub.wait("cleo")
    (lost,) = await shrink(hub, 1)
    assert await hub.state(waiting) == "WAITING"
    await shrink(hub, 1, 2)  # it is there again
    assert await hub.state(lost.waitlist_entry) == "OFFERED"
    assert await hub.state(waiting) == "WAITING"
    assert kept


async def test_a_closure_that_is_taken_back_is_offered_to_who_waits(db: Database) -> None:
    hub = await Hub(db).open()
    closed = PoolClosure(NOON - HOUR, NOON + 3 * HOUR)
    assert await shrink(hub, 1, closures=(closed,)) == []
    assert await hub.book("anna") is None
    entry = await hub.wait("anna")
    assert await hub.state(entry) == "WAITING"
    await shrink(hub, 1)
    assert await hub.state(entry) == "OFFERED"


async def test_a_closure_takes_away_what_is_in_it_and_nothing_else(db: Database) -> None:
    hub = await Hub(db).open()
    inside, beside = await hub.book("anna"), await hub.book("bo", NOON + 5 * HOUR)
    assert inside and beside
    (lost,) = await shrink(hub, 1, closures=(PoolClosure(NOON, NOON + HOUR),))
    assert (lost.name, lost.cause) == (inside.name, "POOL_CLOSED")
    assert (await hub.booking(beside.name)).state == "CONFIRMED"


async def test_a_guest_gives_way_before_who_has_a_share(db: Database) -> None:
    hub = await Hub(db, evses=2, policy=GUESTS).open()
    hub.now = NOON - timedelta(days=1)
    async with db.write() as tx:
        known = await hub.known(tx)
        own = replace(hub.asked("fleet"), groups=frozenset("A"))
        guest = hub.asked("guest")
        for each in (guest, own):
            assert (await admitting.admit(tx, known, each)).booking
    (lost,) = await shrink(hub, 2)
    assert lost.name == guest.name


async def test_who_gets_another_evse_moves_nobody_into_a_booking_of_another_time(
    db: Database,
) -> None:
    """Its EVSE is broken. The early one could move aside, were there not one before it."""
    hub = await Hub(db, evses=3).open()
    await connected(hub)
    await broken(hub, 1)
    quarter, half = 15 * MINUTE, 30 * MINUTE
    asked = [
        replace(hub.asked(place, NOON + start, length), place=place)
        for start, length, place in (
            (-HOUR, 3 * quarter, "S/2"),
            (-half, 3 * quarter, "S/3"),
            (0 * HOUR, HOUR, "S/1"),
            (half, 3 * half, "S/2"),
            (3 * half, HOUR, "S/3"),
        )
    ]
    one = asked[2]
    async with db.write() as tx:
        for each in asked:
            await bookings.put_booking(tx, booking_row(each, None))
    async with db.write() as tx:
        chosen = await choose(tx, await hub.known(tx), await hub.booking(one.name), hub.now)
        rows = await bookings.in_span(tx, TENANT, POOL, (NOON - 9 * HOUR, NOON + 9 * HOUR))
    assert chosen
    at = [(row.place, row.start_time, row.end_time) for row in rows if row.name != one.name]
    by_place = sorted([*at, (chosen.place, one.start_time, one.end_time)])
    for (place, _, end), (following, start, _) in pairwise(by_place):
        assert place != following or end <= start


async def test_told_to_come_and_the_charger_is_broken_so_another_one_gives_way(
    db: Database,
) -> None:
    """At the start its EVSE is broken. The other one is promised to a guest half an hour later."""
    hub = await Hub(db, evses=2, policy=GUESTS).open()
    await connected(hub)
    hub.now = NOON - timedelta(days=1)
    async with db.write() as tx:
        known = await hub.known(tx)
        own = replace(hub.asked("fleet"), groups=frozenset("A"))
        guest = hub.asked("guest", NOON + HOUR / 2)
        for each in (own, guest):
            assert (await admitting.admit(tx, known, each)).booking
        await bookings.place_bookings(tx, TENANT, {own.name: "S/1", guest.name: "S/2"})
    await broken(hub, 1)
    hub.now = NOON
    async with db.write() as tx:
        step = await Carrier(Timing()).carry(tx, TENANT, own.name, hub.now)
    assert (step.booking.state, step.booking.place) == (BookingState.BOUND, "S/2")
    lost = await hub.booking(guest.name)
    assert (lost.state, lost.cause) == ("DISPLACED", "NO_PLACE_LEFT")
    assert (await hub.waiter(lost.waitlist_entry)).entry.displaced
    assert lost.alternatives


async def test_who_has_to_go_itself_is_told_other_times_and_waits_first(db: Database) -> None:
    hub = await Hub(db).open()
    made = await hub.book("anna")
    assert made
    hub.now = NOON
    async with db.write() as tx:
        step = await Carrier(Timing()).carry(tx, TENANT, made.name, hub.now)
    assert (step.booking.state, step.booking.cause) == ("DISPLACED", "NO_PLACE_LEFT")
    assert step.booking.alternatives
    assert (await hub.waiter(step.booking.waitlist_entry)).instead_of == made.name


async def test_a_power_cut_of_a_site_displaces_all_of_its_bookings_once(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(displacing, "MOST_ADVISED", 1)
    hub = await Hub(db, evses=3).open()
    made = [await hub.book(f"d{number}") for number in range(3)]
    closed = PoolClosure(NOON - HOUR, NOON + HOUR)
    lost = await shrink(hub, 1, 2, 3, closures=(closed,))
    assert {each.name for each in lost} == {each.name for each in made if each}
    assert [bool(each.alternatives) for each in lost] == [True, False, False]
    assert await shrink(hub, 1, 2, 3, closures=(closed,)) == []
    assert {await hub.state(each.waitlist_entry) for each in lost} == {"WAITING"}
