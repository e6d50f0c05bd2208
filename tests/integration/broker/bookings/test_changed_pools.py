"""UpdatePool against a real fleet: bookings are moved, taken away, and told."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from evcommand.v1 import booking_pb2, waitlist_pb2
from evcommand.v1 import booking_service_pb2 as pb
from evcommand.v1 import station_service_pb2 as stations_pb

from domain.bookings.states import BookingState
from fleet import bookings
from journal.bookings.rows import booking_from, booking_row
from tests.integration.broker.bookings.asking import HOUR, TOMORROW, a_pool, asked, stamp
from tests.support.benches.broker_house import House, failure_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

State = booking_pb2.Booking.State


async def pool_of(house: House, name: str) -> booking_pb2.Pool:
    reply: pb.GetPoolResponse = await house.broker.bookings.GetPool(pb.GetPoolRequest(name=name))
    return reply.pool


async def update(house: House, pool: booking_pb2.Pool, **fields: Any) -> pb.UpdatePoolResponse:
    reply: pb.UpdatePoolResponse = await house.broker.bookings.UpdatePool(
        pb.UpdatePoolRequest(pool=pool, **fields)
    )
    return reply


async def test_a_pool_that_shrinks_tells_first_and_then_displaces(house: House) -> None:
    name = await a_pool(house.broker, 2)
    for _ in range(2):
        await house.broker.bookings.CreateBooking(asked(name))
    pool = await pool_of(house, name)
    del pool.members[1]
    told = await update(house, pool, validate_only=True)
    (would,) = told.displaced_bookings
    before = await house.broker.bookings.GetBooking(pb.GetBookingRequest(name=would.name))
    assert before.booking.state == State.STATE_CONFIRMED
    assert len((await pool_of(house, name)).members) == 2
    done = await update(house, pool)
    (lost,) = done.displaced_bookings
    assert lost.name == would.name
    after = (await house.broker.bookings.GetBooking(pb.GetBookingRequest(name=lost.name))).booking
    assert (after.state, after.cause) == (State.STATE_DISPLACED, "POOL_SHRUNK")
    assert after.alternatives[0].start_time == stamp(TOMORROW + HOUR)
    entry = await house.broker.bookings.GetWaitlistEntry(
        waitlist_pb2.GetWaitlistEntryRequest(name=after.waitlist_entry)
    )
    assert (entry.entry.displaced_booking, entry.entry.position) == (lost.name, 1)
    error = await failure_of(house.broker.bookings.UpdatePool(pb.UpdatePoolRequest(pool=pool)))
    assert (error.code, error.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")


async def test_a_closed_evse_has_its_bookings_moved_to_another_one(house: House) -> None:
    name = await a_pool(house.broker, 2)
    await house.broker.bookings.CreateBooking(asked(name))
    pool = await pool_of(house, name)
    for member in pool.members[:1]:
        pool.closures.add(
            start_time=stamp(TOMORROW),
            end_time=stamp(TOMORROW + HOUR),
            members=[f"{member.station}/evses/{member.evse_id}"],
        )
    done = await update(house, pool)
    assert (len(done.displaced_bookings), done.moved_bookings) == (0, 1)
    assert done.pool.etag != pool.etag


async def test_an_evse_of_another_pool_is_not_taken_into_this_one(house: House) -> None:
    one, other = await a_pool(house.broker, 1), await a_pool(house.broker, 1)
    pool = await pool_of(house, one)
    pool.members.append((await pool_of(house, other)).members[0])
    error = await failure_of(house.broker.bookings.UpdatePool(pb.UpdatePoolRequest(pool=pool)))
    assert error.reason == "EVSE_IN_ANOTHER_POOL"


async def test_a_station_is_not_deleted_while_a_pool_promises_its_evses(house: House) -> None:
    name = await a_pool(house.broker, 1)
    pool = await pool_of(house, name)
    station = pool.members[0].station
    asked_for = stations_pb.DeleteStationRequest(name=station)
    error = await failure_of(house.broker.stations.DeleteStation(asked_for))
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "STATION_IN_POOL")
    assert name in error.message
    await house.broker.stations.GetStation(stations_pb.GetStationRequest(name=station))
    await house.broker.bookings.DeletePool(pb.DeletePoolRequest(name=name))
    await house.broker.stations.DeleteStation(asked_for)


async def test_a_pool_is_not_deleted_while_a_driver_is_there_longer_than_he_booked(
    house: House,
) -> None:
    name = await a_pool(house.broker, 1)
    made = (await house.broker.bookings.CreateBooking(asked(name))).booking
    async with house.db.write() as tx:
        row = await bookings.booking(tx, "default", made.name.removeprefix("bookings/"))
        assert row is not None
        ago = datetime.now(UTC) - 2 * HOUR
        there: dict[str, Any] = {
            "start_time": ago,
            "end_time": ago + HOUR,
            "state": BookingState.OVERSTAYED,
        }
        late = replace(booking_from(row), **there, revision=2)
        await bookings.put_booking(tx, booking_row(late, None))
    error = await failure_of(house.broker.bookings.DeletePool(pb.DeletePoolRequest(name=name)))
    assert error.reason == "POOL_IN_USE"
