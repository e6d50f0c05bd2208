"""A driver who charges in the pool already when his booking begins, and one who plugs in anew."""

from datetime import timedelta
from typing import Any

import pytest

from domain.bookings.carrying import CarryStep
from domain.bookings.pool import PoolMember
from domain.bookings.states import BookingState
from domain.commands.timing import Timing
from domain.reservations.reservation import ReservationState
from domain.reservations.transitions import EndCause
from fleet import connections
from fleet.database import Database
from fleet.engine.statements import Tx
from journal.bookings.carrying import Carrier
from tests.integration.journal.test_carried_bookings import HOUR, booked, hold, put
from tests.integration.journal.test_carried_bookings import a_pool as new_pool
from tests.support.fleet_rows import later, start_16, stop_16

MINE = "1d9b7b0e-0f60-4c9e-8f6e-000000000001"
BEGINS_S, ENDS_S = 3 * 3600.0, 4 * 3600.0
"""The booking's time: EVSEs are chosen two hours before it, and held one hour before."""
A, B = PoolMember("A", 1), PoolMember("B", 1)


def mine(place: str = "A/1", **fields: Any) -> Any:
    return booked(MINE, place, 3 * HOUR, 4 * HOUR, **fields)


async def a_pool(tx: Tx, *members: PoolMember) -> None:
    """The same, and the stations stay connected."""
    await new_pool(tx, *members)
    await connections.renew_gateway(tx, "gw1", until=later(2 * ENDS_S))


async def carried(tx: Tx, after_s: float) -> CarryStep:
    """The booking after its turns at a moment."""
    carrier = Carrier(Timing())
    step = await carrier.carry(tx, "acme", MINE, later(after_s))
    return await carrier.carry(tx, "acme", MINE, later(after_s)) if step.look_again else step


async def test_who_charges_already_at_the_only_evse_has_it_when_his_booking_begins(
    db: Database,
) -> None:
    async with db.write() as tx:
        await a_pool(tx, A)
        await put(tx, mine())
        session, _ = await start_16(tx, "A")
        before = (await carried(tx, BEGINS_S - 60)).booking
        used = (await carried(tx, BEGINS_S)).booking
    assert (before.state, before.place) == (BookingState.BOUND, "A/1")
    assert before.progress == "Its driver's car is there already, and charges."
    assert (used.state, used.transaction) == (BookingState.IN_USE, session.name)


async def test_the_evse_at_which_the_drivers_car_stands_is_chosen_for_him(db: Database) -> None:
    async with db.write() as tx:
        await a_pool(tx, A, B)
        await put(tx, mine("B/1"), booked("other", "A/1", 3 * HOUR, 4 * HOUR))
        await start_16(tx, "A")
        chosen = (await carried(tx, BEGINS_S - 6000)).booking
        used = (await carried(tx, BEGINS_S)).booking
    assert (chosen.state, chosen.place) == (BookingState.BOUND, "A/1")
    assert (used.state, used.place) == (BookingState.IN_USE, "A/1")


async def test_a_place_that_was_told_to_somebody_else_is_not_his_because_he_stands_there(
    db: Database,
) -> None:
    async with db.write() as tx:
        await a_pool(tx, A, B)
        theirs = booked("other", "A/1", 3 * HOUR, 4 * HOUR, state=BookingState.BOUND)
        await put(tx, mine("B/1"), theirs)
        await start_16(tx, "A")
        step = await carried(tx, BEGINS_S)
    assert (step.booking.state, step.booking.place) == (BookingState.BOUND, "B/1")


@pytest.mark.parametrize(
    "fields",
    [{"token_digest": "theirs"}, {"authorized": False}, {"stopped": True}],
    ids=["another's", "refused", "over"],
)
async def test_a_session_that_is_not_his_or_is_over_is_no_use_of_his_booking(
    db: Database, fields: dict[str, Any]
) -> None:
    told = {name: value for name, value in fields.items() if name != "stopped"}
    async with db.write() as tx:
        await a_pool(tx, A, B)
        await put(tx, mine())
        session, _ = await start_16(tx, "B", **told)
        if told != fields:
            await stop_16(tx, session.ocpp_transaction_id, "B", now=later(700))
        step = await carried(tx, BEGINS_S)
    assert step.booking.state is BookingState.BOUND


async def test_the_session_of_a_booking_that_is_not_over_is_not_the_use_of_another_one(
    db: Database,
) -> None:
    async with db.write() as tx:
        await a_pool(tx, A, B)
        session, _ = await start_16(tx, "B")
        there = {"state": BookingState.IN_USE, "transaction": session.name}
        await put(tx, mine(), booked("beside", "B/1", 0 * HOUR, 4 * HOUR, **there))
        step = await carried(tx, BEGINS_S)
    assert step.booking.state is BookingState.BOUND


async def test_who_charges_on_from_a_booking_of_his_that_is_long_over_uses_the_next_one(
    db: Database,
) -> None:
    async with db.write() as tx:
        await a_pool(tx, A)
        session, _ = await start_16(tx, "A")
        there = {"state": BookingState.OVERSTAYED, "transaction": session.name}
        await put(tx, mine(), booked("earlier", "A/1", 0 * HOUR, HOUR, **there))
        used = (await carried(tx, BEGINS_S)).booking
        over = (await Carrier(Timing()).carry(tx, "acme", "earlier", later(BEGINS_S + 1))).booking
    assert (used.state, used.transaction) == (BookingState.IN_USE, session.name)
    assert over.state is BookingState.FULFILLED


async def test_who_leaves_before_his_booking_begins_still_has_it(db: Database) -> None:
    async with db.write() as tx:
        await a_pool(tx, A)
        await put(tx, mine(state=BookingState.BOUND))
        begun = {"start_time": later(BEGINS_S - 5000), "now": later(BEGINS_S - 5000)}
        session, _ = await start_16(tx, "A", **begun)
        there = (await carried(tx, BEGINS_S - 4900)).booking
        ended = {"stop_time": later(BEGINS_S - 4000), "now": later(BEGINS_S - 4000)}
        await stop_16(tx, session.ocpp_transaction_id, "A", **ended)
        left = (await carried(tx, BEGINS_S - 3700)).booking
    assert [one.state for one in (there, left)] == [BookingState.BOUND] * 2


async def test_a_station_whose_clock_is_slow_tells_of_its_driver_all_the_same(
    db: Database,
) -> None:
    async with db.write() as tx:
        await a_pool(tx, A)
        await put(tx, mine(state=BookingState.BOUND))
        told = {"start_time": later(BEGINS_S - 7200), "now": later(BEGINS_S + 60)}
        await start_16(tx, "A", **told)
        used = (await carried(tx, BEGINS_S + 61)).booking
    assert used.state is BookingState.IN_USE


async def test_who_plugs_in_again_in_his_time_uses_his_booking_on(db: Database) -> None:
    async with db.write() as tx:
        await a_pool(tx, A)
        first, _ = await start_16(
            tx, "A", start_time=later(BEGINS_S), now=later(BEGINS_S), reservation_id=7
        )
        held = await hold(tx, ReservationState.USED, EndCause.SESSION_USED_IT, first.name)
        await put(tx, mine(state=BookingState.HELD, reservation=held))
        used = (await carried(tx, BEGINS_S + 1)).booking
        ended = {"stop_time": later(BEGINS_S + 60), "now": later(BEGINS_S + 60)}
        await stop_16(tx, first.ocpp_transaction_id, "A", **ended)
        pause = (await carried(tx, BEGINS_S + 61)).booking
        again = {"start_time": later(BEGINS_S + 90), "now": later(BEGINS_S + 90)}
        second, _ = await start_16(tx, "A", **again)
        on = (await carried(tx, BEGINS_S + 1800)).booking
    assert [one.transaction for one in (used, pause, on)] == [first.name, first.name, second.name]
    assert {one.state for one in (used, pause, on)} == {BookingState.IN_USE}


async def test_who_comes_back_long_after_he_left_has_no_booking_any_more(db: Database) -> None:
    late = timedelta(minutes=20).total_seconds()
    async with db.write() as tx:
        await a_pool(tx, A)
        begun = {"start_time": later(BEGINS_S), "now": later(BEGINS_S), "reservation_id": 7}
        first, _ = await start_16(tx, "A", **begun)
        held = await hold(tx, ReservationState.USED, EndCause.SESSION_USED_IT, first.name)
        there = {"state": BookingState.IN_USE, "transaction": first.name}
        await put(tx, mine(reservation=held, **there))
        ended = {"stop_time": later(BEGINS_S + 60), "now": later(BEGINS_S + 60)}
        await stop_16(tx, first.ocpp_transaction_id, "A", **ended)
        back = {"start_time": later(BEGINS_S + late), "now": later(BEGINS_S + late)}
        await start_16(tx, "A", **back)
        over = (await carried(tx, BEGINS_S + late + 1)).booking
    assert (over.state, over.cause) == (BookingState.FULFILLED, "LEFT_EARLY")
