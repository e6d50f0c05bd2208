"""What stations tell of their EVSEs counts for who wants a place soon, in both databases."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.bookings.admission import chances
from domain.bookings.blocking.known_now import NotUsableNow
from domain.bookings.plan import Planned
from domain.bookings.spans import Span
from domain.bookings.states import BookingCause, BookingState
from domain.commands.timing import Timing
from fleet import bookings, connections
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.transactions.rows import Transaction
from journal.bookings import admitting
from journal.bookings.admitting import weigh
from journal.bookings.carrying import Carrier
from journal.bookings.displacing import displace
from journal.bookings.places import known_now
from journal.bookings.rows import booking_row
from tests.integration.journal.bookings.pools import HOUR, MINUTE, NOON, TENANT, Hub, token_of
from tests.support.fleet_rows import start_16, stop_16

SOON = NOON - 5 * MINUTE
"""An EVSE is chosen half an hour before the start, and held ten minutes before it."""


async def a_hub(db: Database, now: datetime = SOON, evses: int = 1) -> Hub:
    hub = await Hub(db, now=now, evses=evses).open()
    for evse_id in range(1, evses + 1):
        await hub.report("Available", evse_id)
    return hub


async def hindered(hub: Hub, at: datetime = NOON) -> dict[str, str]:
    async with hub.db.write() as tx:
        found = await known_now(tx, await hub.known(tx), at, hub.now)
    return {place: one.why.value for place, one in found.hindered.items()}


async def session(hub: Hub, tx: Tx, token: str = "walk-in") -> Transaction:
    begun = hub.now - 20 * MINUTE
    made, _ = await start_16(tx, "S", token_digest=token, start_time=begun, now=begun)
    return made


@pytest.mark.parametrize(("status", "is_taken"), [("Faulted", False), ("Available", True)])
async def test_nobody_is_promised_an_evse_that_is_out_of_order_when_it_begins_soon(
    db: Database, status: str, is_taken: bool
) -> None:
    hub = await a_hub(db)
    await hub.report(status)
    assert (await hub.book("anna") is not None) is is_taken
    assert await hub.book("bo", NOON + 3 * HOUR) is not None  # it may be mended by then


async def test_nobody_is_promised_a_station_that_has_been_away_for_a_minute(db: Database) -> None:
    hub = await a_hub(db)
    async with db.write() as tx:
        await connections.release(tx, station="S", connection_id="c1", now=hub.now)
    hub.now += timedelta(seconds=59)
    assert await hindered(hub) == {}  # it may just come back
    hub.now += MINUTE
    assert await hindered(hub) == {"S/1": "OFFLINE"}
    assert await hub.book("anna") is None


async def test_a_station_that_never_came_is_away(db: Database) -> None:
    hub = await Hub(db, now=SOON).open()
    assert await hindered(hub) == {"S/1": "OFFLINE"}
    assert await hindered(hub, NOON + HOUR) == {}


async def test_a_session_is_in_the_way_until_it_ends(db: Database) -> None:
    hub = await a_hub(db)
    async with db.write() as tx:
        begun = await session(hub, tx)
    assert await hindered(hub) == {"S/1": "OCCUPIED"}
    assert await hub.book("anna") is None
    assert await hub.book("walk-in") is not None  # who stands there himself
    async with db.write() as tx:
        await stop_16(tx, begun.ocpp_transaction_id, "S", stop_time=hub.now, now=hub.now)
    assert await hindered(hub) == {}


async def test_a_session_whose_booking_ends_in_time_is_in_nobodys_way(db: Database) -> None:
    hub = await a_hub(db, NOON - 2 * HOUR)
    before = await hub.book("bo", NOON - HOUR)
    assert before
    hub.now = SOON
    async with db.write() as tx:
        begun = await session(hub, tx, "bo")
        there = replace(before, state=BookingState.IN_USE, transaction=begun.name)
        await bookings.put_booking(tx, booking_row(replace(there, revision=2), None))
    assert await hindered(hub) == {}
    hub.now = NOON
    assert await hindered(hub) == {"S/1": "OCCUPIED"}  # it is over, and its driver is there


async def test_a_session_that_was_refused_counts_after_a_minute(db: Database) -> None:
    hub = await a_hub(db)
    async with db.write() as tx:
        await start_16(tx, "S", evse_id=1, token_digest="x", now=hub.now, authorized=False)
    assert await hindered(hub) == {}
    hub.now += MINUTE
    assert await hindered(hub) == {"S/1": "OCCUPIED"}


async def test_a_search_a_change_and_who_waits_are_told_the_same(db: Database) -> None:
    hub = await a_hub(db)
    later = await hub.book("later", NOON + 3 * HOUR)
    assert later
    await hub.report("Faulted")
    entry = await hub.wait("anna")
    async with db.write() as tx:
        known = await hub.known(tx)
        evses = await known_now(tx, known, NOON, hub.now)
        asked = hub.asked("bo")
        (found,) = chances(known.venue, asked, [], [Span(NOON, NOON + HOUR)], evses)
        sooner = replace(later, start_time=NOON, end_time=NOON + HOUR, create_time=hub.now)
        changed, _ = await weigh(tx, known, sooner, later)
    assert isinstance(found.room, NotUsableNow)
    assert isinstance(changed.room, NotUsableNow)
    assert await hub.state(entry) == "WAITING"
    await hub.report("Available")
    await hub.look(timedelta(seconds=30))
    assert await hub.state(entry) == "OFFERED"


async def test_who_is_displaced_for_a_fault_is_not_told_to_come_to_it_a_little_later(
    db: Database,
) -> None:
    hub = await a_hub(db)
    made = await hub.book("anna", SOON + 10 * MINUTE)
    assert made
    await hub.report("Faulted")
    async with db.write() as tx:
        known = await hub.known(tx)
        cause = BookingCause.NO_PLACE_LEFT
        over = await displace(tx, known, made, cause, hub.now, gone=(made.name,))
    assert over.alternatives
    assert min(start for start, _ in over.alternatives) >= SOON + 30 * MINUTE


async def test_who_was_promised_a_broken_evse_goes_before_who_comes_now(db: Database) -> None:
    hub = await a_hub(db, NOON - 2 * HOUR, evses=2)
    first = await hub.book("anna")
    assert first
    hub.now = SOON
    await hub.report("Faulted", int(first.place[-1]))
    async with db.write() as tx:
        known = await hub.known(tx)
        said = await admitting.admit(tx, known, hub.asked("bo"))
        alone, _ = await weigh(tx, known, hub.asked("cleo", NOON + 3 * HOUR))
    assert said.booking is None
    assert isinstance(said.decision.room, NotUsableNow)
    assert isinstance(alone.room, Planned)


async def test_who_books_the_place_at_which_he_charges_uses_the_booking(db: Database) -> None:
    hub = await a_hub(db)
    async with db.write() as tx:
        begun = await session(hub, tx, "anna")
    made = await hub.book("anna")
    assert made
    carrier, states = Carrier(Timing()), []
    for moment in (hub.now, hub.now, made.start_time):
        async with db.write() as tx:
            step = await carrier.carry(tx, TENANT, made.name, moment)
        states.append((step.booking.state.value, step.booking.transaction))
    assert states == [("BOUND", ""), ("BOUND", ""), ("IN_USE", begun.name)]


async def test_a_colleague_who_charges_at_the_only_place_is_in_the_way(db: Database) -> None:
    hub = await a_hub(db)
    async with db.write() as tx:
        begun = hub.now - 20 * MINUTE
        group = {"group_digest": "company", "start_time": begun, "now": begun}
        await start_16(tx, "S", token_digest="bo", **group)
    asked = replace(hub.asked("anna"), group_id_token=token_of("company"))
    async with db.write() as tx:
        said = await admitting.admit(tx, await hub.known(tx), asked)
    assert isinstance(said.decision.room, NotUsableNow)
