"""Two brokers on one PostgreSQL, and one slot that everybody wants."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import grpc
import pytest
from evcommand.v1 import booking_service_pb2 as pb
from evcommand.v1 import waitlist_pb2
from temporalio.client import Client

from broker.process import running_broker
from broker.settings import BrokerSettings
from fleet.database import Database
from tests.integration.broker.bookings.asking import HOUR, TOMORROW, a_pool, asked, holder, stamp
from tests.support.benches.broker_house import Broker, dialled, read_failure
from tests.support.client import patiently
from tests.support.databases import running_postgres

pytestmark = pytest.mark.asyncio(loop_scope="session")

CALLERS = 200
SETTINGS = BrokerSettings(listen="127.0.0.1:0", drain_s=0.5)


async def two_brokers(stack: AsyncExitStack, client: Client) -> list[Broker]:
    postgres = stack.enter_context(running_postgres())
    url = await stack.enter_async_context(postgres.fresh())
    brokers = []
    for _ in range(2):
        db = await Database.open(url, migrate=False)
        stack.push_async_callback(db.close)
        running = await stack.enter_async_context(running_broker(db, client, SETTINGS))
        brokers.append(await stack.enter_async_context(dialled(running.address)))
    return brokers


async def test_of_200_callers_at_two_brokers_one_has_the_slot_and_199_know_why_not(
    client: Client,
) -> None:
    async with AsyncExitStack() as stack:
        brokers = await two_brokers(stack, client)
        pool = await a_pool(brokers[0], 1)

        async def one(number: int) -> tuple[str, str]:
            request, broker = asked(pool), brokers[number % 2]
            try:  # both brokers and all callers share one busy core: the database may seem slow
                await patiently(lambda: broker.bookings.CreateBooking(request, timeout=60))
            except grpc.aio.AioRpcError as error:
                failure = read_failure(error)
                return failure.reason, failure.facts.get("alternative_1", failure.message)
            return "BOOKED", ""

        said = Counter(await asyncio.gather(*(one(number) for number in range(CALLERS))))
    later = f"{stamp(TOMORROW + HOUR).ToJsonString()}/{stamp(TOMORROW + 2 * HOUR).ToJsonString()}"
    assert said == {("BOOKED", ""): 1, ("POOL_FULL", later): CALLERS - 1}


async def test_of_two_who_wait_and_a_crowd_that_comes_one_takes_the_offer_at_two_brokers(
    client: Client,
) -> None:
    async with AsyncExitStack() as stack:
        brokers = await two_brokers(stack, client)
        pool = await a_pool(brokers[0], 1)
        request = asked(pool)
        await patiently(lambda: brokers[0].bookings.CreateBooking(request, timeout=60))
        waiting = [await _waits(brokers[number], pool, f"W{number}") for number in range(2)]
        freed = pb.CancelBookingRequest(name=f"bookings/{request.request_id}")
        await brokers[1].bookings.CancelBooking(freed, timeout=60)

        async def books(number: int) -> str:
            new = asked(pool)
            return await _said(lambda: brokers[number % 2].bookings.CreateBooking(new, timeout=60))

        async def accepts(number: int) -> str:
            name = waitlist_pb2.AcceptOfferRequest(name=waiting[number % 2])
            return await _said(
                lambda: brokers[number // 2 % 2].bookings.AcceptOffer(name, timeout=60)
            )

        crowd = await asyncio.gather(*(books(number) for number in range(20)))
        said = Counter(await asyncio.gather(*(accepts(number) for number in range(40))))
        listed = await brokers[0].bookings.ListBookings(pb.ListBookingsRequest(pool=pool))
    assert Counter(crowd) == {"POOL_FULL": 20}
    assert said == {"DONE": 20, "NO_OFFER": 20}
    live = [each for each in listed.bookings if not each.cause]
    assert [each.waitlist_entry for each in live] == [waiting[0]]


async def _waits(broker: Broker, pool: str, token: str) -> str:
    request = waitlist_pb2.JoinWaitlistRequest(
        request_id=str(uuid.uuid4()),
        pool=pool,
        holder=holder(token),
        start_time=stamp(TOMORROW),
        end_time=stamp(TOMORROW + HOUR),
    )
    reply = await patiently(lambda: broker.bookings.JoinWaitlist(request, timeout=60))
    return str(reply.entry.name)


async def _said(call: Callable[[], Awaitable[Any]]) -> str:
    try:
        await patiently(call)
    except grpc.aio.AioRpcError as error:
        return read_failure(error).reason
    return "DONE"
