"""Calls whose headers come and whose request never does: they shut nobody out."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
import pytest
from evcommand.v1 import remote_command_service_pb2 as pb
from grpc_health.v1 import health_pb2, health_pb2_grpc
from temporalio.client import Client

from broker.process import RunningBroker, running_broker
from broker.settings import ApiKey, BrokerSettings
from fleet.database import Database
from tests.integration.broker.abuse.raw_http2 import raw_client
from tests.support.benches.broker_house import WAIT_S, Broker, House, dialled, failure_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEY = "d" * 32
API_KEYS = (ApiKey("desk", hashlib.sha256(KEY.encode()).hexdigest()),)
BEARER = {"authorization": f"Bearer {KEY}"}
LIST = "/evcommand.v1.RemoteCommandService/ListCommands"
WATCH = "/evcommand.v1.RemoteCommandService/WatchCommands"
REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
HEALTH = "/grpc.health.v1.Health/Check"


@asynccontextmanager
async def serving(
    db: Database, client: Client, **fields: Any
) -> AsyncIterator[tuple[RunningBroker, Broker]]:
    settings = BrokerSettings(listen="127.0.0.1:0", drain_s=0.5, **fields)
    async with running_broker(db, client, settings) as broker, dialled(broker.address) as dialled_:
        yield broker, dialled_


async def is_healthy(broker: Broker) -> bool:
    stub: Any = health_pb2_grpc.HealthStub(broker.channel)
    reply = await stub.Check(health_pb2.HealthCheckRequest(), timeout=WAIT_S)
    return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)


def listing(broker: Broker, **options: Any) -> Any:
    return broker.commands.ListCommands(pb.ListCommandsRequest(), timeout=WAIT_S, **options)


@pytest.mark.parametrize("metadata", [{}, {"authorization": "Bearer wrong"}], ids=["no", "wrong"])
@pytest.mark.parametrize("method", [LIST, WATCH])
async def test_2400_calls_without_a_right_key_and_a_request_are_refused_by_their_headers(
    db: Database, client: Client, method: str, metadata: dict[str, str]
) -> None:
    async with (
        serving(db, client, api_keys=API_KEYS) as (broker, honest),
        AsyncExitStack() as stack,
    ):
        hostile = [await stack.enter_async_context(raw_client(broker.address)) for _ in range(3)]
        for each in hostile:
            await each.begin(method, 800, metadata)
        assert await is_healthy(honest)
        await listing(honest, metadata=tuple(BEARER.items()))
        async with asyncio.timeout(WAIT_S):
            for each in hostile:
                await each.until_ended(800)


async def test_a_client_that_does_not_confirm_the_limits_of_metadata_is_cut(
    db: Database, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.process._CONFIRMED_MS", 200)
    async with (
        serving(db, client, api_keys=API_KEYS) as (broker, honest),
        raw_client(broker.address, confirms=False) as hostile,
    ):
        async with asyncio.timeout(WAIT_S):
            await hostile.closed.wait()
        await listing(honest, metadata=tuple(BEARER.items()))


@pytest.mark.parametrize("method", [LIST, WATCH])
async def test_a_call_whose_request_does_not_come_in_time_is_told_to_send_it_again(
    db: Database, client: Client, method: str
) -> None:
    async with serving(db, client, request_timeout_s=0.1) as (_, honest):
        call: Any = honest.channel.stream_unary(method)()
        failure = await failure_of(call)
    assert (failure.code, failure.reason) == (grpc.StatusCode.UNAVAILABLE, "REQUEST_NOT_RECEIVED")
    assert failure.retry_s


async def test_a_reflection_whose_question_does_not_come_in_time_ends(
    db: Database, client: Client
) -> None:
    async with serving(db, client, request_timeout_s=0.1) as (_, honest):
        failure = await failure_of(honest.channel.stream_stream(REFLECTION)())
    assert failure.reason == "REQUEST_NOT_RECEIVED"


async def test_a_call_that_ends_without_its_request_is_an_invalid_argument(house: House) -> None:
    call: Any = house.broker.channel.stream_unary(LIST)()
    await call.done_writing()
    assert (await failure_of(call)).code is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_request_that_is_no_message_is_an_invalid_argument_and_no_failure(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    method: Any = house.broker.channel.unary_unary(LIST)
    failure = await failure_of(method(b"\xff\xff\xff"))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    shown = "".join(capsys.readouterr())
    assert "Traceback" not in shown


async def test_a_question_of_reflection_that_is_no_message_is_an_invalid_argument_and_no_failure(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    call: Any = house.broker.channel.stream_stream(REFLECTION)()
    await call.write(b"\xff\xff\xff")
    assert (await failure_of(call)).reason == "INVALID_REQUEST"
    assert "Traceback" not in "".join(capsys.readouterr())


async def test_a_connection_leaves_the_others_their_calls(db: Database, client: Client) -> None:
    async with (
        serving(db, client, max_calls=4, max_streams_per_connection=3) as (broker, honest),
        raw_client(broker.address) as hostile,
    ):
        await hostile.begin(LIST, 3)
        for _ in range(3):
            await listing(honest)
        await hostile.begin(LIST, 1)
        async with asyncio.timeout(WAIT_S):
            await hostile.until_ended(1)
        assert len(hostile.ended) == 1
        await listing(honest)


async def test_health_is_answered_while_every_call_is_taken(db: Database, client: Client) -> None:
    async with (
        serving(db, client, max_calls=2) as (broker, honest),
        raw_client(broker.address) as hostile,
    ):
        await hostile.begin(LIST, 3)
        async with asyncio.timeout(WAIT_S):
            await hostile.until_ended(1)
        failure = await failure_of(listing(honest))
        assert (failure.reason, failure.facts["share"]) == ("TOO_MANY_CALLS", "broker")
        for _ in range(3):
            assert await is_healthy(honest)


async def test_calls_of_health_without_a_request_shut_nobody_out(
    db: Database, client: Client
) -> None:
    async with (
        serving(db, client, max_calls=2, max_health_calls_per_connection=5) as (broker, honest),
        raw_client(broker.address) as hostile,
    ):
        await hostile.begin(HEALTH, 200)
        async with asyncio.timeout(WAIT_S):
            await hostile.until_ended(195)
        assert await is_healthy(honest)
        await listing(honest)
