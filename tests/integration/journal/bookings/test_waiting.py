"""The waiting list in both databases, with a clock: who is offered a place, and until when."""

from datetime import timedelta

import pytest

from domain.bookings.places import Needs
from domain.bookings.states import BookingCause
from domain.bookings.waiting import taken
from fleet import bookings
from fleet.bookings import waitlist as waitlist_rows
from fleet.database import Database
from journal.bookings import admitting, offering
from journal.bookings.waitlist import line_now
from tests.integration.journal.bookings.pools import HOUR, MINUTE, NOON, POOL, TENANT, Hub

C = BookingCause


@pytest.mark.parametrize(
    "cause",
    [C.CANCELLED_BY_HOLDER, C.LEFT_EARLY, C.NOBODY_CAME, C.USE_NOT_KNOWN, C.NOT_CONFIRMED_IN_TIME],
)
async def test_a_full_but_unused_place_is_offered_to_who_waits(
    db: Database, cause: BookingCause
) -> None:
    hub = await Hub(db).open()
    full = await hub.book("bo")
    assert full
    entry = await hub.wait("anna")
    assert await hub.state(entry) == "WAITING"
    await hub.end(full.name, cause)
    await hub.look()
    waiter = await hub.waiter(entry)
    assert waiter.entry.state == "OFFERED"
    assert waiter.entry.offer_expires == hub.now + timedelta(minutes=15)
    kept = await hub.booking(waiter.booking)
    assert (kept.state, kept.confirm_by, kept.id_token.masked) == (
        *("PENDING", waiter.entry.offer_expires, "****anna"),
    )


async def test_nobody_else_gets_a_place_while_it_is_offered(db: Database) -> None:
    hub = await Hub(db).open()
    entry = await hub.wait("anna")
    assert await hub.state(entry) == "OFFERED"  # there was room already
    assert await hub.book("cleo") is None
    other = await hub.wait("dan")
    await hub.look(timedelta(minutes=14))
    assert (await hub.state(entry), await hub.state(other)) == ("LAPSED", "OFFERED")


async def test_an_offer_that_nobody_takes_costs_nothing_and_goes_to_the_next_one(
    db: Database,
) -> None:
    price = {"id": "fee", "price": {"occasion": "BOOK", "quantity": 1, "unit": "credit"}}
    hub = await Hub(db, policy={"rules": [price]}).open()
    first = await hub.wait("anna")
    second = await hub.wait("bo")
    offered = (await hub.waiter(first)).booking
    assert [one.unit for one in (await hub.booking(offered)).charges] == ["credit"]
    await hub.look(timedelta(minutes=15))
    over = await hub.booking(offered)
    assert (over.state, over.cause, over.charges) == ("EXPIRED", "NOT_CONFIRMED_IN_TIME", ())
    assert (await hub.state(first), await hub.state(second)) == ("LAPSED", "OFFERED")
    assert await hub.look() == 0


async def test_who_waits_longest_is_asked_first_and_who_was_displaced_before_all(
    db: Database,
) -> None:
    hub = await Hub(db).open()
    full = await hub.book("full")
    assert full
    first = await hub.wait("anna")
    displaced = await hub.wait("bo", displaced=True)
    await hub.end(full.name, C.CANCELLED_BY_HOLDER)
    await hub.look()
    assert [await hub.state(each) for each in (displaced, first)] == ["OFFERED", "WAITING"]
    await hub.look(15 * MINUTE)
    assert [await hub.state(each) for each in (displaced, first)] == ["LAPSED", "OFFERED"]


async def test_who_can_not_use_the_place_does_not_stand_in_the_way_of_the_next(
    db: Database,
) -> None:
    hub = await Hub(db).open()
    full = await hub.book("full")
    assert full
    picky = await hub.wait("anna", needs=Needs(features=frozenset({"trailer"})))
    other = await hub.wait("bo")
    await hub.end(full.name, C.CANCELLED_BY_HOLDER)
    await hub.look()
    assert (await hub.state(picky), await hub.state(other)) == ("WAITING", "OFFERED")


async def test_who_waits_is_asked_though_others_have_to_be_moved(db: Database) -> None:
    """Room appears beside the span that was given back: a later booking moves there."""
    hub = await Hub(db, evses=2).open()
    short = await hub.book("short", NOON, HOUR)
    long = await hub.book("long", NOON - HOUR, 2.5 * HOUR)
    after = await hub.book("after", NOON + 2 * HOUR, HOUR)
    assert short and long and after
    assert short.place != long.place
    assert (await hub.booking(after.name)).place == short.place
    entry = await hub.wait("anna", NOON + HOUR)  # one hour
    assert await hub.state(entry) == "OFFERED"


async def test_an_offer_that_is_taken_is_a_booking(db: Database) -> None:
    hub = await Hub(db).open()
    entry = await hub.wait("anna")
    kept = await hub.booking((await hub.waiter(entry)).booking)
    async with db.write() as tx:
        await hub.known(tx)
        await admitting.change(tx, taken(kept, hub.now))
    waiter = await hub.waiter(entry)
    assert (waiter.entry.state, waiter.booking) == ("ACCEPTED", kept.name)
    assert (await hub.booking(kept.name)).state == "CONFIRMED"
    await hub.look(timedelta(minutes=20))
    assert await hub.state(entry) == "ACCEPTED"


async def test_a_place_that_its_driver_missed_is_offered_for_the_rest_of_the_time(
    db: Database,
) -> None:
    hub = await Hub(db).open()
    await hub.report("Available")
    full = await hub.book("late")
    assert full
    entry = await hub.wait("anna")
    hub.now = NOON + 15 * MINUTE
    await hub.end(full.name, C.NOBODY_CAME)
    await hub.look()
    kept = await hub.booking((await hub.waiter(entry)).booking)
    assert (kept.start_time, kept.end_time) == (NOON + 15 * MINUTE, NOON + HOUR)
    late = taken(kept, NOON + 25 * MINUTE)
    async with db.write() as tx:
        await hub.known(tx)
        await admitting.change(tx, late)
    assert (await hub.booking(kept.name)).start_time == NOON + 25 * MINUTE


async def test_a_share_that_is_given_to_all_is_offered_when_it_is(db: Database) -> None:
    share = {"id": "a", "groups": ["A"], "share": {"places": 1, "release_before": "1h"}}
    hub = await Hub(db, policy={"rules": [share]}).open()
    entry = await hub.wait("guest")
    assert await hub.state(entry) == "WAITING"
    hub.now = NOON - HOUR
    await hub.look()
    assert await hub.state(entry) == "OFFERED"


async def test_who_waited_until_the_end_waits_no_longer(db: Database) -> None:
    hub = await Hub(db).open()
    assert await hub.book("bo")
    entry = await hub.wait("anna")
    hub.now = NOON + HOUR
    await hub.look()
    assert await hub.state(entry) == "LAPSED"
    assert await hub.look() == 0


async def test_an_offered_place_that_is_lost_again_lets_its_driver_wait_at_the_old_place(
    db: Database,
) -> None:
    hub = await Hub(db).open()
    entry = await hub.wait("anna")
    kept = (await hub.waiter(entry)).booking
    await hub.end(kept, C.POOL_CLOSED)
    waiter = await hub.waiter(entry)
    assert (waiter.entry.state, waiter.booking) == ("WAITING", "")


async def test_a_crowd_is_asked_in_parts_and_nobody_is_forgotten(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offering, "MOST_TRIES", 2)
    hub = await Hub(db, evses=5).open()
    full = [await hub.book(f"t{number}") for number in range(5)]
    waiting = [await hub.wait(f"w{number}") for number in range(5)]
    for booking in full:
        assert booking
        await hub.end(booking.name, C.CANCELLED_BY_HOLDER)
    looks = [await hub.look() for _ in range(4)]
    assert {await hub.state(each) for each in waiting} == {"OFFERED"}
    assert looks == [1, 1, 1, 0]


async def test_a_place_that_is_out_of_order_when_it_is_wanted_is_offered_once_it_works(
    db: Database,
) -> None:
    hub = await Hub(db, now=NOON - 10 * MINUTE).open()
    await hub.report("Faulted")
    entry = await hub.wait("anna")
    far = await hub.wait("bo", NOON + 3 * HOUR)  # it may be repaired by then
    assert (await hub.state(entry), await hub.state(far)) == ("WAITING", "OFFERED")
    await hub.report("Available")
    await hub.look(MINUTE)
    assert await hub.state(entry) == "OFFERED"


async def test_nobody_is_left_out_of_the_line_however_many_wait(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who loses a booking waits too, so that there may be more than one page of them."""
    monkeypatch.setattr(waitlist_rows, "PAGE", 2)
    hub = await Hub(db).open()
    assert await hub.book("full")
    waiting = [await hub.wait(f"w{number}") for number in range(4)]
    first = await hub.wait("lost", displaced=True)
    async with db.read() as tx:
        now = await line_now(tx, TENANT, POOL, hub.now)
        assert await bookings.count_waiting(tx, TENANT, POOL) == 5
    told = [now.position(await hub.waiter(each)) for each in (first, *waiting)]
    assert told == [1, 2, 3, 4, 5]
