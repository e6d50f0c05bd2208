"""Two brokers on one PostgreSQL, and one slot that everybody wants."""

import asyncio
import uuid
from collections import Counter
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import grpc
import pytest
from evcommand.v1 import booking_policy_pb2 as policy_pb
from evcommand.v1 import booking_service_pb2 as pb
from evcommand.v1 import station_service_pb2 as stations_pb
from google.protobuf.duration_pb2 import Duration
from temporalio.client import Client

from broker.bookings import bookings as made
from broker.process import running_broker
from broker.settings import BrokerSettings
from fleet.database import Database
from tests.integration.broker.bookings.asking import (
    HOUR,
    TOMORROW,
    a_policy,
    a_pool,
    asked,
    pool_of,
    stamp,
)
from tests.support.benches.broker_house import Broker, dialled, read_failure
from tests.support.client import patiently
from tests.support.databases import Postgres, postgres_server

__all__ = ["postgres_server"]

pytestmark = pytest.mark.asyncio(loop_scope="session")

CALLERS = 200
SETTINGS = BrokerSettings(listen="127.0.0.1:0", drain_s=0.5, planning_patience_s=60.0)


async def two_brokers(stack: AsyncExitStack, postgres: Postgres, client: Client) -> list[Broker]:
    url = await stack.enter_async_context(postgres.fresh())
    brokers = []
    for _ in range(2):
        db = await Database.open(url, migrate=False)
        stack.push_async_callback(db.close)
        running = await stack.enter_async_context(running_broker(db, client, SETTINGS))
        brokers.append(await stack.enter_async_context(dialled(running.address)))
    return brokers


async def test_of_200_callers_at_two_brokers_one_has_the_slot_and_199_know_why_not(
    postgres_server: Postgres, client: Client
) -> None:
    async with AsyncExitStack() as stack:
        brokers = await two_brokers(stack, postgres_server, client)
        pool = await a_pool(brokers[0], 1)

        async def one(number: int) -> tuple[str, ...]:
            request, broker = asked(pool), brokers[number % 2]
            try:  # both brokers and all callers share one busy core: the database may seem slow
                await patiently(lambda: broker.bookings.CreateBooking(request, timeout=60))
            except grpc.aio.AioRpcError as error:
                failure = read_failure(error)
                others = (failure.facts.get(f"alternative_{at}", "") for at in (1, 2, 3))
                return failure.reason, failure.message, *others
            return ("BOOKED",)

        said = Counter(await asyncio.gather(*(one(number) for number in range(CALLERS))))
    local = TOMORROW.astimezone(ZoneInfo("Europe/Berlin"))
    why_not = (
        *("POOL_FULL", f"{local:%H:%M}: 2 want a place, 1 is there"),
        *(free(TOMORROW + HOUR), free(TOMORROW - HOUR), free(TOMORROW + HOUR * 5 / 4)),
    )
    assert said == {("BOOKED",): 1, why_not: CALLERS - 1}


def free(start: datetime) -> str:
    """An hour from then on, as an alternative of a refusal."""
    return f"{stamp(start).ToJsonString()}/{stamp(start + HOUR).ToJsonString()}"


async def test_a_repeat_at_another_broker_at_the_same_moment_is_the_same_booking(
    postgres_server: Postgres, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = made.made_before
    calls = 0

    async def too_early(*asked: Any) -> Any:
        nonlocal calls
        calls += 1
        return None if calls == 2 else await looked(*asked)

    async with AsyncExitStack() as stack:
        first, second = await two_brokers(stack, postgres_server, client)
        request = asked(await a_pool(first, 1))
        monkeypatch.setattr(made, "made_before", too_early)
        one = (await first.bookings.CreateBooking(request, timeout=60)).booking
        other = (await second.bookings.CreateBooking(request, timeout=60)).booking
    assert (calls, other) == (3, one)


async def test_pools_and_policies_that_are_made_at_once_are_made_one_after_the_other(
    postgres_server: Postgres, client: Client
) -> None:
    async with AsyncExitStack() as stack:
        brokers = await two_brokers(stack, postgres_server, client)
        station = f"HUB-{uuid.uuid4().hex[:8]}"
        wanted = stations_pb.CreateStationRequest(station_id=station)
        await brokers[0].stations.CreateStation(wanted)
        policy = await a_policy(brokers[0])

        async def pool(number: int) -> str:
            try:
                await pool_of(brokers[number % 2], policy, (station, 1))
            except grpc.aio.AioRpcError as error:
                return read_failure(error).reason
            return "MADE"

        async def revision(number: int) -> int:
            grace = Duration(seconds=60 * (1 + number))
            changed = policy_pb.BookingPolicy(name=policy, grace=grace)
            request = pb.PutBookingPolicyRequest(policy=changed)
            reply = await brokers[number % 2].bookings.PutBookingPolicy(request, timeout=60)
            return int(reply.policy.revision)

        said = Counter(await asyncio.gather(*(pool(number) for number in range(8))))
        revisions = await asyncio.gather(*(revision(number) for number in range(8)))
    assert said == {"MADE": 1, "EVSE_IN_ANOTHER_POOL": 7}
    assert sorted(revisions) == list(range(2, 10))
