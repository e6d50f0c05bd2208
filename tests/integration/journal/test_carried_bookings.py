"""What a booking's facts are, and where it is moved, by the rows of its pool."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.bookings.booking import Booking
from domain.bookings.carrying import CarryAct, CarryStep
from domain.bookings.places import Needs
from domain.bookings.pool import Pool, PoolMember
from domain.bookings.states import BookingState
from domain.commands.timing import Timing
from domain.model.specs import IdToken
from domain.reservations.reservation import Reservation, ReservationState
from domain.reservations.transitions import EndCause
from fleet import bookings
from fleet.bookings import PolicyRow, PoolRow
from fleet.database import Database
from fleet.engine.statements import Tx
from journal.bookings.carrying import Carrier
from journal.bookings.places import choose
from journal.bookings.rows import booking_from, booking_row, locked_pool, pool_content
from journal.reservations.record import record
from tests.support.fleet_rows import NOW, connect, later, make_station, start_16, stop_16

HOUR = timedelta(hours=1)
TOKEN = IdToken("ISO14443", "****1234", "sealed", "digest")
TERMS = {"bind_lead": "2h", "hold_lead": "1h", "grace": "15m", "buffer": "10m"}
NO_SHOW = {"id": "fee", "price": {"occasion": "NO_SHOW", "quantity": 1, "unit": "credit"}}


async def a_pool(tx: Tx, *members: PoolMember) -> None:
    """A pool of these EVSEs, whose stations are connected."""
    for member in members:
        await make_station(tx, member.station)
        await connect(tx, member.station)
    await bookings.add_policy(tx, PolicyRow("acme", "p", 1, {**TERMS, "rules": [NO_SHOW]}, NOW))
    content = pool_content(Pool(members, "Europe/Berlin", "p"))
    row = PoolRow("acme", "hub", content, 1, 1, NOW, NOW)
    await bookings.add_pool(tx, row, [(one.station, one.evse_id) for one in members])


def booked(name: str, place: str, starts: timedelta, ends: timedelta, **fields: Any) -> Booking:
    """A booking that was made a day ago. starts, ends: from now."""
    plain = Booking(
        name=name,
        tenant="acme",
        pool="hub",
        id_token=TOKEN,
        start_time=NOW + starts,
        end_time=NOW + ends,
        state=BookingState.CONFIRMED,
        create_time=NOW - 24 * HOUR,
        policy="p",
        policy_revision=1,
        place=place,
    )
    return replace(plain, **fields)


async def put(tx: Tx, *known: Booking) -> None:
    for one in known:
        await bookings.put_booking(tx, booking_row(one, None))


async def place_of(tx: Tx, name: str) -> str:
    row = await bookings.booking(tx, "acme", name)
    assert row is not None
    return booking_from(row).place


async def chosen(tx: Tx, booking: Booking) -> Booking | None:
    known = await locked_pool(tx, "acme", "hub")
    assert known is not None
    return await choose(tx, known, booking, NOW)


async def test_a_booking_is_not_moved_into_the_pause_after_another_one(db: Database) -> None:
    new = booked("new", "A/1", HOUR, 2 * HOUR, tried=("A/1",))
    before = booked("before", "B/1", 0 * HOUR, HOUR, state=BookingState.IN_USE)
    async with db.write() as tx:
        await a_pool(tx, PoolMember("A", 1), PoolMember("B", 1))
        await put(tx, new, before)
        assert await chosen(tx, new) is None


async def test_who_gives_his_place_to_a_booking_gets_one_that_nobody_else_has(
    db: Database,
) -> None:
    trailer = frozenset({"trailer"})
    new = booked("new", "A/1", HOUR, 2 * HOUR, tried=("A/1",), needs=Needs(features=trailer))
    beside = booked("beside", "B/1", 1.5 * HOUR, 4 * HOUR)
    later_on = booked("later", "C/1", 3 * HOUR, 5 * HOUR)
    async with db.write() as tx:
        members = (PoolMember("B", 1, features=trailer), PoolMember("C", 1))
        await a_pool(tx, PoolMember("A", 1, features=trailer), *members)
        await put(tx, new, beside, later_on)
        found = await chosen(tx, new)
        places = [await place_of(tx, name) for name in ("beside", "later")]
    assert len(set(places)) == 2 or found is None
    assert places[0] != "C/1" or places[1] != "C/1"


async def hold(
    tx: Tx, state: ReservationState, cause: str, transaction: str | None, **fields: Any
) -> str:
    """A reservation that is over. Returns its name."""
    ended = Reservation(
        name="r1",
        tenant="acme",
        station="A",
        wire_id=7,
        id_token=TOKEN,
        state=state,
        cause=cause,
        evse_id=1,
        create_time=NOW,
        expire_time=later(900),
        workflow_id="reservation/acme/r1",
        command="c1",
        transaction=transaction,
        **fields,
    )
    await record(tx, tenant="acme", name="r1", key="end", change=_same, now=NOW, initial=ended)
    return "r1"


def _same(known: Reservation) -> Reservation:
    return known


async def test_a_session_of_another_driver_is_not_the_use_of_a_booking(db: Database) -> None:
    async with db.write() as tx:
        await a_pool(tx, PoolMember("A", 1))
        theirs, _ = await start_16(tx, "A", token_digest="another", reservation_id=7)
        lost = await hold(tx, ReservationState.LOST, EndCause.USED_BY_ANOTHER, theirs.name)
        await put(tx, booked("b", "A/1", 0 * HOUR, HOUR, state=BookingState.HELD, reservation=lost))
        step = await Carrier(Timing()).carry(tx, "acme", "b", later(60))
    assert step.booking.state is not BookingState.IN_USE
    assert step.booking.transaction == ""


@pytest.mark.parametrize(("digest", "state"), [("digest", "IN_USE"), ("another", "NO_SHOW")])
async def test_a_driver_who_charged_at_another_station_of_the_pool_is_no_no_show(
    db: Database, digest: str, state: str
) -> None:
    async with db.write() as tx:
        await a_pool(tx, PoolMember("A", 1), PoolMember("B", 1))
        await start_16(tx, "B", token_digest=digest)
        over = await hold(tx, ReservationState.EXPIRED, EndCause.TIME_OVER, None)
        await put(tx, booked("b", "A/1", 0 * HOUR, HOUR, state=BookingState.HELD, reservation=over))
        step = await Carrier(Timing()).carry(tx, "acme", "b", later(900))
    assert step.booking.state == state
    assert bool(step.booking.charges) is (state == "NO_SHOW")


async def test_a_driver_who_comes_before_his_place_is_held_uses_his_booking(db: Database) -> None:
    early = booked("b", "A/1", 0 * HOUR, 2 * HOUR, state=BookingState.BOUND)
    async with db.write() as tx:
        await a_pool(tx, PoolMember("A", 1), PoolMember("B", 1))
        session, _ = await start_16(tx, "A")
        await put(tx, early)
        step = await Carrier(Timing()).carry(tx, "acme", "b", later(10))
        assert (step.booking.state, step.booking.place) == (BookingState.IN_USE, "A/1")
        await stop_16(tx, session.ocpp_transaction_id, "A")
        left = await Carrier(Timing()).carry(tx, "acme", "b", NOW + 2 * HOUR)
    assert left.booking.transaction == session.name
    assert left.booking.state is BookingState.FULFILLED


async def test_a_session_is_the_use_of_one_of_two_bookings_of_its_driver(db: Database) -> None:
    before = booked("one", "A/1", -HOUR, HOUR, state=BookingState.IN_USE)
    after = booked("two", "A/1", 1.5 * HOUR, 2 * HOUR, state=BookingState.BOUND)
    async with db.write() as tx:
        await a_pool(tx, PoolMember("A", 1))
        session, _ = await start_16(tx, "A")
        await put(tx, replace(before, transaction=session.name), after)
        step = await Carrier(Timing()).carry(tx, "acme", "two", later(10))
    assert step.booking.state is BookingState.BOUND


async def test_bookings_whose_time_has_come_are_found_the_longest_due_first(db: Database) -> None:
    async with db.write() as tx:
        for name, due in (("late", 5), ("early", 1), ("not-yet", 60)):
            row = booking_row(booked(name, "A/1", HOUR, 2 * HOUR), later(due))
            await bookings.put_booking(tx, row)
        found = [row.name for row in await bookings.due(tx, later(10), 5)]
        first = [row.name for row in await bookings.due(tx, later(10), 1)]
    assert (found, first) == (["early", "late"], ["early"])


async def test_a_refused_hold_is_asked_for_again_after_a_pause_and_elsewhere_at_once(
    db: Database,
) -> None:
    mine = "1d9b7b0e-0f60-4c9e-8f6e-000000000001"
    refused = replace(
        booked(mine, "A/1", HOUR, 2 * HOUR, state=BookingState.BOUND), holds=1, reservation="r1"
    )

    async def carried(tx: Tx, after: float) -> CarryStep:
        return await Carrier(Timing()).carry(tx, "acme", mine, later(after))

    async with db.write() as tx:
        await a_pool(tx, PoolMember("A", 1), PoolMember("B", 1))
        other, _ = await start_16(tx, "B", token_digest="another")
        await hold(tx, ReservationState.REFUSED, "STATION_REJECTED", None, end_time=NOW)
        await put(tx, refused)
        waits = await carried(tx, 5)
        again = await carried(tx, 30)
        await put(tx, refused)
        await stop_16(tx, other.ocpp_transaction_id, "B", stop_time=later(6), now=later(6))
        elsewhere = await carried(tx, 7)
    assert (waits.act, waits.booking.holds) == (CarryAct.WAIT, 1)
    assert "12:00:30" in waits.booking.progress
    assert (again.booking.place, again.booking.reservation) == ("A/1", "")
    assert elsewhere.booking.place == "B/1"
