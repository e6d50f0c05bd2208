"""Health and reflection, asked with raw gRPC calls: what probes, grpcurl and ghz rely on."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from temporalio.client import Client

from broker.process import running_broker
from broker.settings import BrokerSettings
from fleet.database import Database
from tests.support.benches.broker_house import WAIT_S, House, dialled

pytestmark = pytest.mark.asyncio(loop_scope="session")

COMMANDS = "evcommand.v1.RemoteCommandService"
Health: Any = health_pb2.HealthCheckResponse
VERSIONS = ("v1", "v1alpha")
NOT_FOUND = grpc.StatusCode.NOT_FOUND.value[0]


def check(channel: Any, service: str) -> Any:
    method = channel.unary_unary("/grpc.health.v1.Health/Check", response_deserializer=_health)
    return method(health_pb2.HealthCheckRequest(service=service).SerializeToString())


def watch(channel: Any, service: str) -> Any:
    method = channel.unary_stream("/grpc.health.v1.Health/Watch", response_deserializer=_health)
    return method(health_pb2.HealthCheckRequest(service=service).SerializeToString())


def _health(content: bytes) -> Any:
    return Health.FromString(content)


def reflection(channel: Any, version: str) -> Any:
    method = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    return method()


async def ask(channel: Any, version: str, **asked: Any) -> Any:
    call = reflection(channel, version)
    async with asyncio.timeout(WAIT_S):
        await call.write(reflection_pb2.ServerReflectionRequest(**asked))
        reply = await call.read()
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
    return reply


def files(reply: Any) -> list[str]:
    contents = reply.file_descriptor_response.file_descriptor_proto
    return [FileDescriptorProto.FromString(content).name for content in contents]


async def test_health_of_an_unknown_service_is_not_found_and_no_failure(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    channel = house.broker.channel
    for known in ("", COMMANDS, "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"):
        assert (await check(channel, known)).status == Health.SERVING
    for unknown in ("nobody", "evcommand.v1.RemoteCommandServic", "\x00"):
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await check(channel, unknown)
        assert failed.value.code() is grpc.StatusCode.NOT_FOUND
    quiet(capsys)


def quiet(capsys: pytest.CaptureFixture[str]) -> None:
    shown = "".join(capsys.readouterr())
    assert "Traceback" not in shown
    assert "call_failed" not in shown
    assert "[error" not in shown


async def test_a_watch_of_health_tells_every_state_and_ends_with_the_broker(
    client: Client, db: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    async with AsyncExitStack() as stack:
        settings = BrokerSettings(listen="127.0.0.1:0", drain_s=20)
        broker = await stack.enter_async_context(running_broker(db, client, settings))
        async with dialled(broker.address) as small, asyncio.timeout(WAIT_S / 2):
            known, unknown = watch(small.channel, COMMANDS), watch(small.channel, "nobody")
            assert (await known.read()).status == Health.SERVING
            assert (await unknown.read()).status == Health.SERVICE_UNKNOWN
            more = asyncio.ensure_future(unknown.read())
            await check(small.channel, "")
            assert not more.done()
            await stack.aclose()  # well before `drain_s`
            assert (await known.read()).status == Health.NOT_SERVING
            for ended in (known, unknown):
                assert await ended.code() is grpc.StatusCode.UNAVAILABLE
            with pytest.raises(grpc.aio.AioRpcError):
                await more
    quiet(capsys)


async def test_watches_of_health_are_limited(client: Client, db: Database) -> None:
    settings = BrokerSettings(listen="127.0.0.1:0", max_health_watches=1, drain_s=0.5)
    async with running_broker(db, client, settings) as broker, dialled(broker.address) as small:
        first = watch(small.channel, "")
        assert (await first.read()).status == Health.SERVING
        second = watch(small.channel, "")
        assert await second.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (await check(small.channel, "")).status == Health.SERVING


@pytest.mark.parametrize("version", VERSIONS)
async def test_both_versions_of_reflection_list_every_service(house: House, version: str) -> None:
    reply = await ask(house.broker.channel, version, list_services="")
    listed = {service.name for service in reply.list_services_response.service}
    assert {COMMANDS, "grpc.health.v1.Health"} < listed
    assert {f"grpc.reflection.{each}.ServerReflection" for each in VERSIONS} < listed
    for name in listed:  # and can describe each of them
        described = await ask(house.broker.channel, version, file_containing_symbol=name)
        assert files(described), name


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("symbol", "file"),
    [
        (COMMANDS, "remote_command_service"),
        (f"{COMMANDS}.StartSession", "remote_command_service"),
        (f".{COMMANDS}.StartSession", "remote_command_service"),
        ("evcommand.v1.StartSessionRequest", "remote_command_service"),
        ("evcommand.v1.StartSessionRequest.station", "remote_command_service"),
        ("evcommand.v1.RemoteCommand", "remote_command"),
        ("evcommand.v1.RemoteCommand.State", "remote_command"),
        ("evcommand.v1.RemoteCommand.STATE_DONE", "remote_command"),
        ("evcommand.v1.RemoteCommand.State.STATE_DONE", "remote_command"),
    ],
)
async def test_reflection_resolves_every_kind_of_symbol(
    house: House, version: str, symbol: str, file: str
) -> None:
    reply = await ask(house.broker.channel, version, file_containing_symbol=symbol)
    found = files(reply)
    assert found[0] == f"evcommand/v1/{file}.proto"
    assert len(set(found)) == len(found)
    again = await ask(house.broker.channel, version, file_by_filename=found[0])
    assert files(again) == found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "asked",
    [
        {"file_containing_symbol": f"{COMMANDS}.Fly"},
        {"file_containing_symbol": f"{COMMANDS}.StartSession.more"},
        {"file_containing_symbol": "evcommand.v1"},
        {"file_containing_symbol": ""},
        {"file_containing_symbol": "."},
        {"file_containing_symbol": "\x00"},
        {"file_by_filename": "no/such.proto"},
        {"file_by_filename": ""},
        {"all_extension_numbers_of_type": "no.Such"},
        {
            "file_containing_extension": {
                "containing_type": "evcommand.v1.RemoteCommand",
                "extension_number": 1,
            }
        },
    ],
)
async def test_what_reflection_does_not_know_is_not_found(
    house: House, version: str, asked: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    reply = await ask(house.broker.channel, version, host="here", **asked)
    assert reply.error_response.error_code == NOT_FOUND
    assert reply.original_request == reflection_pb2.ServerReflectionRequest(host="here", **asked)
    quiet(capsys)


async def test_extensions_of_a_message_without_any_are_none(house: House) -> None:
    name = "evcommand.v1.RemoteCommand"
    reply = await ask(house.broker.channel, "v1", all_extension_numbers_of_type=name)
    assert reply.all_extension_numbers_response.base_type_name == name
    assert list(reply.all_extension_numbers_response.extension_number) == []


async def test_a_reflection_request_for_nothing_is_an_invalid_argument(house: House) -> None:
    reply = await ask(house.broker.channel, "v1")
    code = reply.error_response.error_code
    assert code == grpc.StatusCode.INVALID_ARGUMENT.value[0]


async def test_hanging_up_on_a_standard_service_is_no_failure(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = reflection_pb2.ServerReflectionRequest(file_containing_symbol=COMMANDS)
    for _ in range(10):
        async with grpc.aio.insecure_channel(house.address) as channel:
            for version in VERSIONS:
                call = reflection(channel, version)
                for _ in range(5):
                    await call.write(asked)
                await call.read()
            await watch(channel, "").read()
    async with asyncio.timeout(WAIT_S):
        await check(house.broker.channel, "")
    quiet(capsys)
