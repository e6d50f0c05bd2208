"""What goes wrong between a booking and its driver, on a server that skips time."""

import uuid
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.bookings.booking import Booking
from domain.bookings.states import BookingState
from domain.model.specs import Kind
from fleet import bookings
from fleet.engine.statements import Tx
from journal.bookings import admitting
from journal.bookings.rows import booking_from, locked_pool
from journal.bookings.waking import wake_booking
from tests.integration.workflows.test_booking_story import Booked, booked
from tests.support.benches.command_bench import TENANT, TOKEN, Bench
from tests.support.scripted_gateway import accepted, answers

pytestmark = pytest.mark.asyncio(loop_scope="session")

MINUTE = timedelta(minutes=1)


async def held(bench: Bench) -> Booked:
    """A booking that its station holds; its grace is 15 minutes."""
    one = await booked(bench)
    bench.gateway.plays = [answers(accepted())] * 9
    await one.becomes(BookingState.HELD)
    return one


async def checks_in(one: Booked, now: datetime) -> None:
    """Its driver says that he is there, as CheckIn writes it."""

    async def write(tx: Tx) -> Booking:
        row = await bookings.booking(tx, TENANT, one.booking.name)
        assert row is not None
        there = await admitting.change(tx, replace(booking_from(row), check_in_time=now))
        await wake_booking(tx, there, "its driver has checked in", now)
        return there

    async with one.bench.db.write() as tx:
        await write(tx)
    one.bench.dispatcher.kick()


async def test_who_checks_in_late_has_the_place_held_on(bench: Bench) -> None:
    one = await held(bench)
    await one.at(one.booking.start_time + 12 * MINUTE)
    await checks_in(one, await bench.now())
    await one.at(one.booking.start_time + 17 * MINUTE)
    asked = [each for each in bench.gateway.frames if each.kind is Kind.RESERVE_NOW]
    assert len(asked) >= 2
    assert (await one.becomes(BookingState.HELD)).check_in_time is not None
    session = await bench.session_starts()
    await one.becomes(BookingState.IN_USE)
    await bench.session_ends(session)
    await one.becomes(BookingState.FULFILLED)
    await one.ends("booking_held_on")


async def test_who_checks_in_and_does_not_charge_pays_no_no_show(bench: Bench) -> None:
    one = await held(bench)
    await one.at(one.booking.start_time + 12 * MINUTE)
    await checks_in(one, await bench.now())
    over = await one.becomes(BookingState.NO_SHOW, BookingState.EXPIRED)
    assert (over.cause, over.charges) == ("CHECKED_IN_ONLY", ())
    await one.ends("booking_checked_in_only")


async def test_who_comes_a_minute_after_the_grace_is_a_walk_in(bench: Bench) -> None:
    one = await held(bench)
    await one.at(one.booking.start_time + 16 * MINUTE)
    missed = await one.becomes(BookingState.NO_SHOW)
    await bench.session_ends(await bench.session_starts())
    await one.ends("booking_missed_by_a_minute")
    assert await one.seen() == missed


async def test_a_station_that_lets_a_stranger_charge_in_a_held_slot_is_left(bench: Bench) -> None:
    """There is no other EVSE: the booking waits for its grace, and is displaced, and not missed."""
    one = await held(bench)
    await one.at(one.booking.start_time + MINUTE)
    stranger = replace(TOKEN, digest="somebody else")
    session = await bench.session_starts(token=stranger, authorized=False)
    await one.at(one.booking.start_time + 8 * MINUTE)
    known = await one.seen()
    assert known.state is BookingState.BOUND
    assert known.blocked is not None
    assert known.blocked.transaction == session.name
    assert bench.gateway.frames[-1].kind is Kind.CANCEL_RESERVATION
    over = await one.becomes(BookingState.DISPLACED, BookingState.NO_SHOW, BookingState.EXPIRED)
    assert (over.state, over.charges) == (BookingState.DISPLACED, ())
    await bench.session_ends(session)
    await one.ends("booking_blocked")


async def booked_again(one: Booked) -> Booked:
    """The same driver's booking right after that one."""
    start = one.booking.end_time
    again = replace(one.booking, name=str(uuid.uuid4()), place="")
    new = replace(again, start_time=start, end_time=start + 60 * MINUTE)

    async def write(tx: Tx) -> Booking:
        known = await locked_pool(tx, TENANT, new.pool)
        assert known is not None
        made = (await admitting.admit(tx, known, new)).booking
        assert made is not None
        await wake_booking(tx, made, "its time has come", new.create_time)
        return made

    async with one.bench.db.write() as tx:
        made = await write(tx)
    one.bench.dispatcher.kick()
    return Booked(one.bench, made)


async def test_a_driver_with_two_bookings_in_a_row_charges_on(bench: Bench) -> None:
    one = await held(bench)
    two = await booked_again(one)
    await one.at(one.booking.start_time + 2 * MINUTE)
    session = await bench.session_starts()
    await one.becomes(BookingState.IN_USE)
    await two.at(two.booking.start_time - 5 * MINUTE)
    waiting = await two.becomes(BookingState.BOUND)
    assert (waiting.place, waiting.holds) == (one.booking.place, 0)
    used = await one.becomes(BookingState.FULFILLED, BookingState.OVERSTAYED)
    assert (used.cause, used.transaction) == ("USED", session.name)
    on = await two.becomes(BookingState.IN_USE)
    assert on.transaction == session.name
    await bench.session_ends(session)
    await two.becomes(BookingState.FULFILLED)
    assert (await two.ends("booking_charged_on")).cause == "LEFT_EARLY"
