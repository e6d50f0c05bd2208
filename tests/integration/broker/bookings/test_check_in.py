"""Drivers who check in: what they are told of their place, and how long it is kept for them."""

from datetime import UTC, datetime

import grpc
import pytest
from evcommand.v1 import booking_service_pb2 as pb
from google.protobuf.duration_pb2 import Duration

from tests.integration.broker.bookings.asking import HOUR, a_policy, a_pool, asked, pool_of, stamp
from tests.integration.broker.bookings.test_carrying import (
    DRIVER,
    State,
    accepts,
    booked_now,
    reaches,
)
from tests.support.benches.broker_house import House, begin_session, failure_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

Place = pb.CheckInResponse.PlaceState


async def checks_in(house: House, name: str) -> pb.CheckInResponse:
    reply: pb.CheckInResponse = await house.broker.bookings.CheckIn(pb.CheckInRequest(name=name))
    return reply


async def test_a_driver_who_checks_in_is_told_that_the_place_is_ready(house: House) -> None:
    async with house.station() as (id, station):
        name = await booked_now(house, id)
        await accepts(station, "ReserveNow")
        await reaches(house, name, State.STATE_HELD)
        first = await checks_in(house, name)
        assert first.place_state == Place.PLACE_STATE_READY
        assert first.message == f"EVSE 1 of stations/{id} is ready."
        again = await checks_in(house, name)
        assert again.booking.check_in_time == first.booking.check_in_time
        await begin_session(station, DRIVER)
        await reaches(house, name, State.STATE_IN_USE)
        assert (await checks_in(house, name)).place_state == Place.PLACE_STATE_IN_USE


async def test_who_comes_early_while_the_one_before_still_charges_is_told_so(house: House) -> None:
    async with house.station() as (id, station):
        await begin_session(station, "TAG-BEFORE")
        early = Duration(seconds=600)
        policy = await a_policy(house.broker, bind_lead=early, hold_lead=Duration(seconds=0))
        pool = await pool_of(house.broker, policy, (id, 1))
        request = asked(pool, datetime.now(UTC) + HOUR / 12, HOUR)
        name = (await house.broker.bookings.CreateBooking(request)).booking.name
        told = await checks_in(house, name)
        assert told.place_state == Place.PLACE_STATE_OCCUPIED
        assert told.message.startswith(f"Somebody still charges at EVSE 1 of stations/{id}. It is")


async def test_a_place_of_a_station_that_is_away_is_not_called_ready(house: House) -> None:
    async with house.station() as (id, _):
        name = await booked_now(house, id)
    assert (await checks_in(house, name)).place_state == Place.PLACE_STATE_UNKNOWN


async def test_a_check_in_has_its_time(house: House) -> None:
    pool = await a_pool(house.broker, 1)
    made = (await house.broker.bookings.CreateBooking(asked(pool))).booking
    early = await failure_of(house.broker.bookings.CheckIn(pb.CheckInRequest(name=made.name)))
    assert early.code is grpc.StatusCode.FAILED_PRECONDITION
    assert early.reason == "CHECK_IN_TOO_EARLY"
    await house.broker.bookings.CancelBooking(pb.CancelBookingRequest(name=made.name))
    over = await failure_of(house.broker.bookings.CheckIn(pb.CheckInRequest(name=made.name)))
    assert over.reason == "BOOKING_ENDED"
    by = stamp(datetime.now(UTC) + HOUR)
    waiting = asked(await a_pool(house.broker, 1), confirm_by=by)
    pending = (await house.broker.bookings.CreateBooking(waiting)).booking
    not_yet = await failure_of(house.broker.bookings.CheckIn(pb.CheckInRequest(name=pending.name)))
    assert not_yet.reason == "BOOKING_NOT_CONFIRMED"
