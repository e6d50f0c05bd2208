"""A driver with one booking after the other: his session goes over into the next one."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.bookings.booking import Booking
from domain.bookings.carrying import CarryStep
from domain.bookings.pool import PoolMember
from domain.bookings.states import BookingState
from domain.commands.timing import Timing
from domain.model.specs import IdToken
from fleet import bookings
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.transactions.rows import Transaction
from journal.bookings.carrying import Carrier
from journal.bookings.rows import booking_from
from tests.integration.journal.test_carried_bookings import HOUR, a_pool, booked, put
from tests.support.fleet_rows import NOW, start_16, stop_16

MINUTE = timedelta(minutes=1)
SOON = timedelta(seconds=10)
ONE, TWO = (f"1d9b7b0e-0f60-4c9e-8f6e-00000000000{n}" for n in (1, 2))
OTHER = IdToken("ISO14443", "****9999", "sealed", "other")
GROUP = IdToken("ISO14443", "****gggg", "sealed", "group")


async def charging(
    tx: Tx, place: str = "A/1", *members: PoolMember, session: dict[str, Any] | None = None
) -> tuple[Booking, Transaction]:
    """A pool, and a driver who charges by a booking that ends in an hour."""
    await a_pool(tx, *(members or (PoolMember("A", 1),)))
    begun, _ = await start_16(tx, place[0], **(session or {}))
    one = booked(ONE, place, -HOUR, HOUR, state=BookingState.IN_USE, transaction=begun.name)
    await put(tx, one)
    return one, begun


async def carried(tx: Tx, name: str, after: timedelta) -> CarryStep:
    return await Carrier(Timing()).carry(tx, "acme", name, NOW + after)


async def seen(tx: Tx, name: str) -> Booking:
    row = await bookings.booking(tx, "acme", name)
    assert row is not None
    return booking_from(row)


async def test_a_drivers_own_car_is_not_in_the_way_of_his_next_booking(db: Database) -> None:
    async with db.write() as tx:
        await charging(tx)
        await put(tx, booked(TWO, "A/1", HOUR, 2 * HOUR))
        chosen = await carried(tx, TWO, SOON)
        waits = await carried(tx, TWO, 2 * SOON)
    assert (chosen.booking.state, chosen.booking.place) == (BookingState.BOUND, "A/1")
    assert (waits.booking.state, waits.booking.holds) == (BookingState.BOUND, 0)


@pytest.mark.parametrize("first", [ONE, TWO])
async def test_a_session_goes_over_into_the_next_booking_of_its_driver(
    db: Database, first: str
) -> None:
    async with db.write() as tx:
        _, session = await charging(tx)
        await put(tx, booked(TWO, "A/1", HOUR, 2 * HOUR, state=BookingState.BOUND))
        await carried(tx, first, HOUR)
        await carried(tx, ONE if first == TWO else TWO, HOUR + MINUTE)
        one, two = await seen(tx, ONE), await seen(tx, TWO)
        again = await carried(tx, TWO, HOUR + 2 * MINUTE)
    assert (one.state, one.cause) == (BookingState.FULFILLED, "USED")
    assert (two.state, two.transaction) == (BookingState.IN_USE, session.name)
    assert again.booking.state is BookingState.IN_USE


async def test_a_next_booking_after_the_pause_between_two_gets_the_session(db: Database) -> None:
    pause = 10 * MINUTE
    async with db.write() as tx:
        _, session = await charging(tx)
        await put(tx, booked(TWO, "A/1", HOUR + pause, 2 * HOUR, state=BookingState.BOUND))
        await carried(tx, ONE, HOUR + MINUTE)
        one, two = await seen(tx, ONE), await seen(tx, TWO)
    assert (one.cause, two.transaction) == ("USED", session.name)


async def test_a_booking_long_after_does_not_get_the_session(db: Database) -> None:
    async with db.write() as tx:
        await charging(tx)
        await put(tx, booked(TWO, "A/1", 1.5 * HOUR, 2 * HOUR, state=BookingState.BOUND))
        await carried(tx, ONE, HOUR + MINUTE)
        one, two = await seen(tx, ONE), await seen(tx, TWO)
    assert (one.state, two.state) == (BookingState.OVERSTAYED, BookingState.BOUND)


async def test_the_end_of_a_session_that_went_over_is_that_of_the_next_booking(
    db: Database,
) -> None:
    async with db.write() as tx:
        _, session = await charging(tx, session={"token_digest": "card", "group_digest": "group"})
        await put(tx, booked(TWO, "A/1", HOUR, 2 * HOUR, group_id_token=GROUP))
        await carried(tx, ONE, HOUR)
        over = NOW + 1.5 * HOUR
        await stop_16(tx, session.ocpp_transaction_id, "A", stop_time=over, now=over)
        left = await carried(tx, TWO, 2 * HOUR)
    assert (left.booking.cause, left.booking.transaction) == ("LEFT_EARLY", session.name)


async def test_the_next_booking_is_moved_to_where_the_car_stands(db: Database) -> None:
    async with db.write() as tx:
        await charging(tx, "A/1", PoolMember("A", 1), PoolMember("B", 1))
        await put(
            tx,
            booked(TWO, "B/1", HOUR, 2 * HOUR),
            booked("other", "A/1", HOUR, 2 * HOUR, id_token=OTHER),
        )
        step = await carried(tx, TWO, SOON)
        other = await seen(tx, "other")
    assert (step.booking.state, step.booking.place) == (BookingState.BOUND, "A/1")
    assert other.place == "B/1"


async def test_who_stands_where_another_driver_was_told_to_come_overstays(db: Database) -> None:
    async with db.write() as tx:
        await charging(tx, "A/1", PoolMember("A", 1), PoolMember("B", 1))
        told = booked("other", "A/1", HOUR, 2 * HOUR, id_token=OTHER, state=BookingState.BOUND)
        await put(tx, booked(TWO, "B/1", HOUR, 2 * HOUR, state=BookingState.BOUND), told)
        await carried(tx, ONE, HOUR + MINUTE)
        one, two = await seen(tx, ONE), await seen(tx, TWO)
    assert (one.state, two.state, two.place) == (
        BookingState.OVERSTAYED,
        BookingState.BOUND,
        "B/1",
    )


async def test_a_colleagues_booking_is_moved_and_not_used_up(db: Database) -> None:
    async with db.write() as tx:
        await charging(tx, "A/1", PoolMember("A", 1), PoolMember("B", 1))
        await put(tx, replace(await seen(tx, ONE), account="ours"))
        await put(tx, booked(TWO, "A/1", HOUR, 2 * HOUR, id_token=OTHER, account="ours"))
        step = await carried(tx, TWO, SOON)
    assert (step.booking.state, step.booking.place) == (BookingState.BOUND, "B/1")


async def test_where_no_other_place_is_left_a_session_goes_over_within_the_account(
    db: Database,
) -> None:
    async with db.write() as tx:
        one, session = await charging(tx)
        await put(tx, replace(one, account="ours"))
        await put(tx, booked(TWO, "A/1", HOUR, 2 * HOUR, id_token=OTHER, account="ours"))
        step = await carried(tx, TWO, HOUR)
        used = await carried(tx, ONE, HOUR + MINUTE)
        kept = await carried(tx, TWO, HOUR + MINUTE)
    assert (step.booking.state, step.booking.transaction) == (BookingState.IN_USE, session.name)
    assert (used.booking.cause, kept.booking.state) == ("USED", BookingState.IN_USE)


async def test_a_session_does_not_go_over_to_a_stranger(db: Database) -> None:
    async with db.write() as tx:
        await charging(tx)
        await put(tx, booked(TWO, "A/1", HOUR, 2 * HOUR, id_token=OTHER))
        step = await carried(tx, TWO, HOUR)
        one = await carried(tx, ONE, HOUR + MINUTE)
    assert (step.booking.state, one.booking.state) == (
        BookingState.DISPLACED,
        BookingState.OVERSTAYED,
    )
