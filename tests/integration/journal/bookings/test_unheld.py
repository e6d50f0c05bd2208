"""A booking that no station holds, though its EVSE is free: it is its driver's all the same."""

from dataclasses import replace
from datetime import timedelta

from domain.bookings.booking import Booking
from domain.bookings.carrying import CarryAct, CarryStep
from domain.bookings.pool import PoolMember
from domain.bookings.states import BookingState
from domain.commands.timing import Timing
from domain.reservations.reservation import ReservationState
from fleet import connections, stations
from fleet.database import Database
from fleet.engine.statements import Tx
from journal.bookings.carrying import Carrier
from journal.bookings.entries import entry, missed_by
from tests.integration.journal.test_carried_bookings import HOUR, a_pool, booked, hold, put
from tests.support.fleet_rows import NOW, later, start_16

MINE = "1d9b7b0e-0f60-4c9e-8f6e-000000000001"


def refused() -> Booking:
    """Its start has come, and the only station has refused to hold it."""
    plain = booked(MINE, "A/1", timedelta(0), HOUR, state=BookingState.BOUND)
    return replace(plain, holds=1, reservation="r1")


async def carried(tx: Tx, after: float) -> CarryStep:
    return await Carrier(Timing()).carry(tx, "acme", MINE, later(after))


async def a_refused_one(tx: Tx, *members: PoolMember) -> None:
    await a_pool(tx, *(members or (PoolMember("A", 1),)))
    await connections.renew_gateway(tx, "gw1", until=later(3600))
    await hold(tx, ReservationState.REFUSED, "STATION_REJECTED", None, end_time=later(-10))
    await put(tx, refused())


async def test_a_booking_that_no_station_holds_keeps_its_free_evse(db: Database) -> None:
    async with db.write() as tx:
        await a_refused_one(tx)
        step = await carried(tx, 5)
    kept = step.booking
    assert (kept.state, kept.place, kept.cause) == (BookingState.BOUND, "A/1", "")
    assert "No station holds it. EVSE 1 of station A is its place all the same" in kept.progress
    assert "somebody else may take it first" in kept.progress
    assert step.look_again is not None
    assert step.look_again > later(5)


async def test_its_driver_is_let_in_there_and_others_are_not(db: Database) -> None:
    async with db.write() as tx:
        await a_refused_one(tx)
        await carried(tx, 5)
        own = await entry(tx, "acme", "A", 1, digests={"digest"}, at=later(6))
        other = await entry(tx, "acme", "A", 1, digests={"another"}, at=later(6))
        assert own and other
        assert (own.may_charge, other.may_charge) == (True, False)
        session, _ = await start_16(tx, "A", start_time=later(7), now=later(7))
        used = await carried(tx, 8)
    assert (used.booking.state, used.booking.transaction) == (BookingState.IN_USE, session.name)


async def test_its_station_is_asked_again_after_the_start_too(db: Database) -> None:
    async with db.write() as tx:
        await a_refused_one(tx)
        again = await carried(tx, 25)
        asked = await carried(tx, 26)
    assert (again.act, again.booking.reservation) == (CarryAct.BIND, "")
    assert (asked.act, asked.booking.holds) == (CarryAct.HOLD, 2)


async def test_nobody_gives_way_to_a_booking_whose_evse_is_only_not_held(db: Database) -> None:
    async with db.write() as tx:
        await a_refused_one(tx, PoolMember("A", 1), PoolMember("B", 1))
        last = booked("last", "B/1", timedelta(0), 2 * HOUR, create_time=NOW - HOUR)
        await put(tx, last)
        step = await carried(tx, 5)
    assert (step.booking.state, step.booking.place) == (BookingState.BOUND, "A/1")


async def test_a_booking_whose_evse_fails_too_is_displaced(db: Database) -> None:
    async with db.write() as tx:
        await a_refused_one(tx)
        await stations.set_connector(
            tx,
            station="A",
            evse_id=1,
            connector_id=1,
            status="Faulted",
            error_code="",
            now=later(1),
        )
        step = await carried(tx, 5)
    assert (step.booking.state, step.booking.cause) == (BookingState.DISPLACED, "NO_PLACE_LEFT")


async def test_a_walk_in_who_takes_it_is_told_and_it_waits_for_its_grace(db: Database) -> None:
    async with db.write() as tx:
        await a_refused_one(tx)
        walk_in, _ = await start_16(tx, "A", token_digest="another")
        told = await carried(tx, 120)
        over = await carried(tx, 900)
    assert told.booking.state is BookingState.BOUND
    assert told.booking.blocked is not None
    assert told.booking.blocked.transaction == walk_in.name
    assert (over.booking.state, over.booking.cause) == (BookingState.DISPLACED, "NO_PLACE_LEFT")


async def test_nobody_pays_for_a_place_that_no_station_held(db: Database) -> None:
    async with db.write() as tx:
        await a_refused_one(tx)
        over = (await carried(tx, 900)).booking
        assert (over.state, over.cause, over.charges) == (BookingState.EXPIRED, "NOT_HELD", ())
        late = await missed_by(tx, "acme", "A", {"digest"}, later(60))
    assert [one.name for one in late] == [MINE]  # a session that is reported later corrects it
