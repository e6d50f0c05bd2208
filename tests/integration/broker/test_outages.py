"""Temporal or the database down, or nobody there to work: told within 2 s, never a hang."""

import asyncio
import os
import signal
import time
import uuid
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import grpc
import pytest
from evcommand.v1 import remote_command_service_pb2 as pb
from evcommand.v1 import station_service_pb2 as stations_pb
from evcommand.v1 import token_service_pb2 as tokens_pb
from evcommand.v1.remote_command_pb2 import RemoteCommand
from temporalio.api.workflowservice.v1 import (
    GetSystemInfoResponse,
    RegisterNamespaceRequest,
    StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse,
)
from temporalio.client import Client
from temporalio.service import RPCError

from broker.process import running_broker
from broker.settings import BrokerSettings
from contract.converter import DATA_CONVERTER
from entrypoints.temporal.dev_server import free_port
from fleet.database import Database
from tests.support.benches.broker_house import (
    WAIT_S,
    Broker,
    Failure,
    House,
    dialled,
    failure_of,
    patient,
    start_request,
)
from tests.support.databases import running_postgres
from workflows.registration import register_search_attributes

pytestmark = pytest.mark.asyncio(loop_scope="session")

LIMIT_S = 2.0


@asynccontextmanager
async def broker_on(
    db: Database, client: Client, temporal_timeout_s: float = 1.0
) -> AsyncIterator[Broker]:
    settings = BrokerSettings(
        listen="127.0.0.1:0",
        drain_s=0.5,
        temporal_look_s=0.5,
        temporal_timeout_s=temporal_timeout_s,
    )
    async with running_broker(db, client, settings) as broker, dialled(broker.address) as dialled_:
        yield dialled_


async def quick_failure(call: Any) -> Failure:
    """The error of a call, which must come within the limit."""
    started = time.monotonic()
    failure = await failure_of(call)
    assert time.monotonic() - started < LIMIT_S
    return failure


@asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """A port that accepts connections and never says a word."""
    writers: list[asyncio.StreamWriter] = []

    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    for writer in writers:
        writer.close()
    server.close()
    await server.wait_closed()


DELAY_S = 0.7


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carries what comes, each piece so much later, until nothing more comes."""
    loop = asyncio.get_running_loop()
    while piece := await reader.read(65_536):
        loop.call_later(DELAY_S, writer.write, piece)


@asynccontextmanager
async def slow_way(address: str) -> AsyncIterator[str]:
    """An address where this server is reached, and every piece takes so long on its way."""
    host, _, port = address.rpartition(":")
    ends: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(host, int(port))
        ends.extend((writer, back))
        with suppress(ConnectionError):
            await asyncio.gather(carry(reader, back), carry(there, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for end in ends:
            end.close()
        await server.wait_closed()


async def test_a_slow_temporal_makes_callers_wait_and_none_fail(
    db: Database, house: House, temporal: str
) -> None:
    """Each answer takes three times as long as the broker waits before it looks."""
    id = await house.offline_station()
    async with slow_way(temporal) as address:
        client = await Client.connect(address, data_converter=DATA_CONVERTER)
        async with broker_on(db, client, temporal_timeout_s=10.0) as broker:
            starts = [broker.start(id, 1, options=patient()) for _ in range(20)]
            commands = await asyncio.gather(*starts)
            assert len({command.name for command in commands}) == 20
            cancels = [
                broker.commands.CancelCommand(
                    pb.CancelCommandRequest(name=command.name), timeout=WAIT_S
                )
                for command in commands
            ]
            for answer in await asyncio.gather(*cancels):
                assert answer.command.cancel_reason or answer.command.HasField("outcome")


@asynccontextmanager
async def server_that_answers_some(taken: Collection[str]) -> AsyncIterator[str]:
    """A server that takes the starts with these request ids, and leaves all other calls waiting."""

    class Some(grpc.GenericRpcHandler):
        def service(self, details: grpc.HandlerCallDetails) -> Any:
            method = details.method.rpartition("/")[2]
            return grpc.unary_unary_rpc_method_handler(partial(answer, method))

    async def answer(method: str, data: bytes, _: Any) -> bytes:
        if method == "GetSystemInfo":
            return GetSystemInfoResponse().SerializeToString()
        if method == "StartWorkflowExecution":
            id = StartWorkflowExecutionRequest.FromString(data).workflow_id
            if any(id.endswith(request_id) for request_id in taken):
                return StartWorkflowExecutionResponse(run_id=id).SerializeToString()
        await asyncio.Event().wait()
        raise AssertionError("it waits for ever")

    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Some(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


async def test_a_temporal_that_answers_other_calls_is_slow_and_not_down(
    db: Database, house: House
) -> None:
    id = await house.offline_station()
    taken, over = set[str](), asyncio.Event()

    async def others(broker: Broker) -> None:
        while not over.is_set():
            request = start_request(id, request_id=str(uuid.uuid4()))
            taken.add(request.request_id)
            with suppress(grpc.aio.AioRpcError):
                await broker.commands.StartSession(request, timeout=0.3)

    async with server_that_answers_some(taken) as address:
        client = await Client.connect(address, lazy=True)
        async with broker_on(db, client) as broker, asyncio.TaskGroup() as group:
            group.create_task(others(broker))
            request = start_request(id, request_id=str(uuid.uuid4()))
            failure = await failure_of(broker.commands.StartSession(request, timeout=4.0))
            over.set()
    assert failure.code is grpc.StatusCode.DEADLINE_EXCEEDED


async def check_unavailable(db: Database, house: House, address: str) -> None:
    """Start, stop and cancel say UNAVAILABLE; reading goes on."""
    client = await Client.connect(address, lazy=True)
    id = await house.offline_station()
    async with broker_on(db, client) as broker:
        request = start_request(id, request_id=str(uuid.uuid4()))
        failure = await quick_failure(broker.commands.StartSession(request))
        assert (failure.code, failure.reason) == (
            grpc.StatusCode.UNAVAILABLE,
            "TEMPORAL_UNAVAILABLE",
        )
        assert failure.retry_s
        assert failure.facts == {"request_id": request.request_id}
        assert await broker.list(station=f"stations/{id}") == []


async def test_a_start_says_unavailable_while_temporal_refuses(db: Database, house: House) -> None:
    await check_unavailable(db, house, f"127.0.0.1:{free_port()}")


async def test_a_start_says_unavailable_while_temporal_is_silent(
    db: Database, house: House
) -> None:
    async with silent_server() as port:
        await check_unavailable(db, house, f"127.0.0.1:{port}")


async def test_a_cancel_says_unavailable_while_temporal_refuses(db: Database, house: House) -> None:
    command = await house.broker.start(await house.offline_station(), 1, options=patient())
    client = await Client.connect(f"127.0.0.1:{free_port()}", lazy=True)
    async with broker_on(db, client) as broker:
        request = pb.CancelCommandRequest(name=command.name)
        failure = await quick_failure(broker.commands.CancelCommand(request))
        assert failure.reason == "TEMPORAL_UNAVAILABLE"
    await house.broker.commands.CancelCommand(request)


@pytest.fixture(scope="session")
def postgres() -> Any:
    """A PostgreSQL server of our own, to be stopped and woken."""
    with running_postgres() as server:
        yield server


async def test_every_method_says_unavailable_while_the_database_is_silent(
    postgres: Any, client: Client
) -> None:
    async with postgres.fresh() as url:
        db = await Database.open(url, timeout_s=1.0)
        async with broker_on(db, client) as broker:
            await broker.list()
            processes = postgres_processes(postgres.pid)
            for pid in processes:
                os.kill(pid, signal.SIGSTOP)
            try:
                for call in every_method(broker):
                    failure = await quick_failure(call)
                    assert failure.reason == "DATABASE_UNAVAILABLE"
                    assert failure.retry_s
            finally:
                for pid in processes:
                    os.kill(pid, signal.SIGCONT)
            await back_again(broker)
        await db.close()


def postgres_processes(postmaster: int) -> list[int]:
    """The server's processes that exist now, the postmaster last to be named first."""
    import psutil

    process = psutil.Process(postmaster)
    return [postmaster, *(child.pid for child in process.children(recursive=True))]


def every_method(broker: Broker) -> list[Any]:
    name = f"commands/{uuid.uuid4()}"
    return [
        broker.commands.StartSession(start_request("CP-1")),
        broker.commands.StopSession(pb.StopSessionRequest(station="stations/A", evse_id=1)),
        broker.commands.GetCommand(pb.GetCommandRequest(name=name)),
        broker.commands.ListCommands(pb.ListCommandsRequest()),
        broker.commands.CancelCommand(pb.CancelCommandRequest(name=name)),
        broker.commands.WatchCommands(pb.WatchCommandsRequest(all=True)),
        broker.stations.CreateStation(stations_pb.CreateStationRequest(station_id="CP-1")),
        broker.stations.GetStation(stations_pb.GetStationRequest(name="stations/A")),
        broker.stations.ListStations(stations_pb.ListStationsRequest()),
        broker.stations.DeleteStation(stations_pb.DeleteStationRequest(name="stations/A")),
        broker.stations.ListTransactions(stations_pb.ListTransactionsRequest()),
        broker.tokens.PutToken(tokens_pb.PutTokenRequest(token=tokens_pb.Token(value="A"))),
        broker.tokens.GetToken(tokens_pb.GetTokenRequest(value="A")),
        broker.tokens.ListTokens(tokens_pb.ListTokensRequest()),
        broker.tokens.DeleteToken(tokens_pb.DeleteTokenRequest(value="A")),
    ]


async def back_again(broker: Broker) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                await broker.list()
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.1)
            else:
                return


async def test_a_command_is_durable_and_can_be_read_although_no_worker_runs(
    db: Database, house: House, temporal: str
) -> None:
    client = await unattended(temporal)
    id = await house.offline_station()
    async with broker_on(db, client) as broker:
        command = await broker.start(id, timeout_s=3.0)
        assert command.state == RemoteCommand.STATE_QUEUED
        assert await broker.get(command.name) == command
        again = await broker.start(id, timeout_s=1.0, request_id=command.request_id)
        assert again == command
        request = pb.CancelCommandRequest(name=command.name)
        failure = await failure_of(broker.commands.CancelCommand(request, timeout=1.5))
        assert (failure.code, failure.reason) == (
            grpc.StatusCode.DEADLINE_EXCEEDED,
            "TEMPORAL_SLOW",
        )
        assert failure.facts == {"request_id": command.request_id}


async def unattended(address: str) -> Client:
    """A client of a namespace that no worker looks after."""
    name = f"unattended-{uuid.uuid4().hex[:6]}"
    admin = await Client.connect(address)
    request = RegisterNamespaceRequest(namespace=name)
    request.workflow_execution_retention_period.FromSeconds(86_400)
    await admin.workflow_service.register_namespace(request)
    client = await Client.connect(address, namespace=name)
    async with asyncio.timeout(30):
        while True:
            try:
                await register_search_attributes(client)
                await client.count_workflows("EvStation = 'x'")
            except RPCError:
                await asyncio.sleep(0.2)
            else:
                return client
