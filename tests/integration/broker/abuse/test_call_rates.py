"""A credential that calls faster than its rate is refused with its headers, and alone."""

import asyncio

import grpc
import pytest
from evcommand.v1 import remote_command_service_pb2 as pb
from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_health.v1.health_pb2_grpc import HealthStub
from temporalio.client import Client

from fleet.database import Database
from tests.integration.broker.abuse.test_shares import LIST, bearer, listing, shared, take
from tests.support.benches.broker_house import WAIT_S, failure_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

TWO_CALLS = {"call_rate": 0.001, "call_burst_s": 2_000.0}


async def test_above_its_rate_a_credential_is_refused_and_the_others_are_not(
    db: Database, client: Client
) -> None:
    async with shared(db, client, **TWO_CALLS) as (broker, greedy):
        for _ in range(2):
            await listing(broker, "desk")
        failure = await failure_of(listing(broker, "desk"))
        assert (failure.code, failure.reason) == (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "RATE_LIMIT_EXCEEDED",
        )
        assert failure.facts == {"calls": "reads", "rate": "0.001"}
        assert failure.retry_s
        await take(greedy, "desk", 3, 3)  # none of them ever sends its request
        await listing(broker, "night")


async def test_a_credential_that_reads_too_fast_can_still_change_something(
    db: Database, client: Client
) -> None:
    async with shared(db, client, **TWO_CALLS) as (broker, greedy):
        await greedy.begin(LIST, 3, bearer("desk"))
        async with asyncio.timeout(WAIT_S):
            await greedy.until_ended(1)
        request = pb.CancelCommandRequest(name="commands/00000000-0000-4000-8000-000000000000")
        metadata = tuple(bearer("desk").items())
        call = broker.commands.CancelCommand(request, timeout=WAIT_S, metadata=metadata)
        assert (await failure_of(call)).reason == "COMMAND_NOT_FOUND"


async def test_health_has_no_rate(db: Database, client: Client) -> None:
    async with shared(db, client, **TWO_CALLS) as (broker, _):
        health = HealthStub(broker.channel)
        for _ in range(5):
            await health.Check(HealthCheckRequest(), timeout=WAIT_S)
