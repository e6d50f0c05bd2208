"""WatchBookings: the present state, then every change; no gap, no repeat, nothing of others."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import grpc
import pytest
from evcommand.v1 import booking_pb2
from evcommand.v1 import booking_service_pb2 as pb

from fleet.log.order import Cursor
from fleet.log.pool_logs import BOOKING_LOG, PoolSelection
from tests.integration.broker.bookings.asking import HOUR, TOMORROW, a_pool, asked
from tests.support.benches.broker_house import WAIT_S, House, failure_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

State = booking_pb2.Booking.State


@asynccontextmanager
async def watching(house: House, **selection: Any) -> AsyncIterator[Any]:
    call = house.broker.bookings.WatchBookings(pb.WatchBookingsRequest(**selection))
    await call.initial_metadata()
    try:
        yield call
    finally:
        call.cancel()


async def next_of(call: Any) -> pb.WatchBookingsResponse:
    async with asyncio.timeout(WAIT_S):
        told: pb.WatchBookingsResponse = await call.read()
        return told


async def made(house: House, pool: str, at: Any = TOMORROW, **fields: Any) -> booking_pb2.Booking:
    reply = await house.broker.bookings.CreateBooking(asked(pool, at, **fields))
    booking: booking_pb2.Booking = reply.booking
    return booking


async def cancelled(house: House, name: str) -> booking_pb2.Booking:
    request = pb.CancelBookingRequest(name=name, reason="a cold")
    reply = await house.broker.bookings.CancelBooking(request)
    booking: booking_pb2.Booking = reply.booking
    return booking


async def test_a_watch_of_a_pool_tells_what_there_is_and_then_every_change(house: House) -> None:
    pool, other = await a_pool(house.broker, 2), await a_pool(house.broker, 1)
    first = await made(house, pool)
    await made(house, other)
    async with watching(house, pool=pool) as call:
        assert (await next_of(call)).booking == first
        second = await made(house, pool, TOMORROW + HOUR)
        ended = await cancelled(house, first.name)
        assert (await next_of(call)).booking == second
        assert (await next_of(call)).booking == ended


async def test_a_watch_resumes_behind_what_it_told(house: House) -> None:
    pool = await a_pool(house.broker, 2)
    first = await made(house, pool)
    second = await made(house, pool, TOMORROW + HOUR)
    async with watching(house, pool=pool) as call:
        told = await next_of(call)
        assert told.booking == first
    ended = await cancelled(house, first.name)
    async with watching(house, pool=pool, resume_token=told.resume_token) as call:
        assert (await next_of(call)).booking == second
        last = await next_of(call)
        assert last.booking == ended
    again = await cancelled(house, second.name)
    async with watching(house, pool=pool, resume_token=last.resume_token) as call:
        assert (await next_of(call)).booking == again


async def test_a_named_booking_is_told_whatever_its_state(house: House) -> None:
    booking = await made(house, await a_pool(house.broker, 1))
    ended = await cancelled(house, booking.name)
    async with watching(house, names=[booking.name]) as call:
        assert (await next_of(call)).booking == ended


async def test_a_watch_of_nothing_or_of_what_is_not_known_is_refused(house: House) -> None:
    calls = house.broker.bookings
    nothing = await failure_of(calls.WatchBookings(pb.WatchBookingsRequest()))
    assert (nothing.code, nothing.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["names"])
    name = f"bookings/{uuid.uuid4()}"
    unknown = await failure_of(calls.WatchBookings(pb.WatchBookingsRequest(names=[name])))
    assert unknown.reason == "BOOKING_NOT_FOUND"
    pool = await failure_of(calls.WatchBookings(pb.WatchBookingsRequest(pool="pools/none")))
    assert pool.reason == "POOL_NOT_FOUND"
    token = pb.WatchBookingsRequest(all=True, resume_token="of another one")
    assert (await failure_of(calls.WatchBookings(token))).reason == "RESUME_TOKEN_INVALID"


async def test_a_booking_that_changes_while_the_list_is_told_comes_once(house: House) -> None:
    """What is behind the head of the log leaves the list of present states."""
    booking = await made(house, await a_pool(house.broker, 1))
    id = booking.name.partition("/")[2]
    async with house.db.read() as tx:
        before = Cursor(0, 0)
        assert await BOOKING_LOG.changed_since(tx, "default", [id], before) == {id}
        (change,) = await BOOKING_LOG.read_after(tx, before, PoolSelection("default", [id]), 10)
        assert await BOOKING_LOG.changed_since(tx, "default", [id], change.cursor) == set()
        behind = replace(change.cursor, seq=change.cursor.seq - 1)
        assert await BOOKING_LOG.changed_since(tx, "default", [id], behind) == {id}
