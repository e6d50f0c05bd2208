"""Whoever takes the whole of its share of calls or watches leaves the others theirs."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from evcommand.v1 import remote_command_service_pb2 as pb
from temporalio.client import Client

from broker.process import running_broker
from broker.reading.read_turns import ReadTurns
from broker.settings import ApiKey, BrokerSettings
from fleet.database import Database
from tests.integration.broker.abuse.raw_http2 import RawClient, raw_client
from tests.support.benches.broker_house import WAIT_S, Broker, dialled, failure_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIST = "/evcommand.v1.RemoteCommandService/ListCommands"
TENANTS = {"desk": "south", "app": "south", "night": "south", "north": "north"}
API_KEYS = tuple(
    ApiKey(name, hashlib.sha256((name * 16).encode()).hexdigest(), tenant=tenant)
    for name, tenant in TENANTS.items()
)


def bearer(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer {name * 16}"}


@asynccontextmanager
async def shared(
    db: Database, client: Client, **fields: Any
) -> AsyncIterator[tuple[Broker, RawClient]]:
    settings = BrokerSettings(listen="127.0.0.1:0", drain_s=0.5, api_keys=API_KEYS, **fields)
    async with (
        running_broker(db, client, settings) as broker,
        dialled(broker.address) as honest,
        raw_client(broker.address) as greedy,
    ):
        yield honest, greedy


def listing(broker: Broker, name: str) -> Any:
    metadata = tuple(bearer(name).items())
    return broker.commands.ListCommands(pb.ListCommandsRequest(), timeout=WAIT_S, metadata=metadata)


def watching(broker: Broker, name: str) -> Any:
    metadata = tuple(bearer(name).items())
    return broker.commands.WatchCommands(pb.WatchCommandsRequest(all=True), metadata=metadata)


async def take(greedy: RawClient, name: str, calls: int, refused: int) -> None:
    """Take so many calls for as long as the request may take, of which some are refused."""
    before = len(greedy.ended)
    await greedy.begin(LIST, calls, bearer(name))
    async with asyncio.timeout(WAIT_S):
        await greedy.until_ended(before + refused)


async def refused_share(call: Any, reason: str) -> str:
    failure = await failure_of(call)
    assert (failure.code, failure.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, reason)
    assert failure.retry_s
    assert failure.facts["share"] in failure.message
    assert failure.facts["limit"] in failure.message
    return failure.facts["share"]


async def test_a_tenant_with_every_call_of_its_share_leaves_the_others_theirs(
    db: Database, client: Client
) -> None:
    limits = {"max_calls": 5, "max_calls_per_tenant": 4, "max_calls_per_credential": 3}
    async with shared(db, client, **limits) as (broker, greedy):
        await take(greedy, "desk", 4, 1)
        assert await refused_share(listing(broker, "desk"), "TOO_MANY_CALLS") == "credential"
        await listing(broker, "app")
        await take(greedy, "app", 2, 1)
        assert await refused_share(listing(broker, "night"), "TOO_MANY_CALLS") == "tenant"
        for _ in range(3):
            await listing(broker, "north")


async def test_a_tenant_with_every_watch_of_its_share_leaves_the_others_theirs(
    db: Database, client: Client
) -> None:
    limits = {"max_watches": 4, "max_watches_per_tenant": 3, "max_watches_per_credential": 2}
    async with shared(db, client, **limits) as (broker, _):
        open_ = [watching(broker, "desk") for _ in range(2)]
        for each in open_:
            await each.wait_for_connection()
        assert await refused_share(watching(broker, "desk"), "TOO_MANY_WATCHES") == "credential"
        third = watching(broker, "app")
        await third.wait_for_connection()
        assert await refused_share(watching(broker, "app"), "TOO_MANY_WATCHES") == "tenant"
        other = watching(broker, "north")
        await other.wait_for_connection()
        assert await refused_share(watching(broker, "north"), "TOO_MANY_WATCHES") == "broker"
        for each in (*open_, third, other):
            each.cancel()


async def test_a_read_waits_for_a_turn_of_its_tenant_and_other_tenants_do_not(
    db: Database, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go, turn = asyncio.Event(), ReadTurns.turn

    @asynccontextmanager
    async def held(turns: ReadTurns, tenant: str) -> AsyncIterator[None]:
        async with turn(turns, tenant):
            if tenant == "south":
                await let_go.wait()
            yield

    monkeypatch.setattr(ReadTurns, "turn", held)
    async with shared(db, client, reads_at_once=1) as (broker, _):
        held_up = [asyncio.ensure_future(listing(broker, name)) for name in ("desk", "app")]
        await listing(broker, "north")
        assert not any(call.done() for call in held_up)
        let_go.set()
        await asyncio.gather(*held_up)
