"""Credentials, TLS, health, reflection, limits, traces: what surrounds every call."""

import asyncio
import datetime as dt
import hashlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from evcommand.v1 import remote_command_service_pb2 as pb
from evcommand.v1 import station_service_pb2 as stations_pb
from evcommand.v1 import token_service_pb2 as tokens_pb
from evcommand.v1.id_token_pb2 import IdToken
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from temporalio.client import Client

from broker.process import ListenFailed, running_broker
from broker.settings import ApiKey, BrokerSettings, Tls, UnsafeBroker
from fleet.database import Database
from telemetry import metrics
from tests.support.benches.broker_house import Broker, House, dialled, failure_of, start_request
from tests.support.stations.scripted_station import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEYS = {"desk": "d" * 32, "north": "n" * 32}
API_KEYS = (
    ApiKey("desk", hashlib.sha256(KEYS["desk"].encode()).hexdigest()),
    ApiKey("north", hashlib.sha256(KEYS["north"].encode()).hexdigest(), tenant="north"),
)


@asynccontextmanager
async def guarded(db: Database, client: Client, **fields: Any) -> AsyncIterator[Broker]:
    settings = BrokerSettings(listen="127.0.0.1:0", drain_s=0.5, api_keys=API_KEYS, **fields)
    async with running_broker(db, client, settings) as broker, dialled(broker.address) as dialled_:
        yield dialled_


def bearer(name: str) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {KEYS[name]}")]


async def test_a_key_is_needed_and_names_the_caller(
    house: House, db: Database, client: Client
) -> None:
    id = await house.offline_station()
    async with guarded(db, client) as broker:
        failure = await failure_of(broker.commands.ListCommands(pb.ListCommandsRequest()))
        assert (failure.code, failure.reason) == (
            grpc.StatusCode.UNAUTHENTICATED,
            "CREDENTIALS_MISSING",
        )
        wrong = [("authorization", "Bearer wrong")]
        call = broker.commands.WatchCommands(pb.WatchCommandsRequest(all=True), metadata=wrong)
        assert (await failure_of(call)).reason == "CREDENTIALS_INVALID"
        call = broker.commands.StartSession(start_request(id), metadata=bearer("desk"))
        assert (await call).command.caller == "desk"


async def test_another_tenant_sees_nothing_of_it(
    house: House, db: Database, client: Client
) -> None:
    id = await house.offline_station()
    command = await house.broker.start(id)
    theirs = {"metadata": bearer("north")}
    async with guarded(db, client) as broker:
        calls = [
            broker.commands.StartSession(start_request(id), **theirs),
            broker.commands.GetCommand(pb.GetCommandRequest(name=command.name), **theirs),
            broker.commands.CancelCommand(pb.CancelCommandRequest(name=command.name), **theirs),
            broker.stations.GetStation(
                stations_pb.GetStationRequest(name=f"stations/{id}"), **theirs
            ),
            broker.stations.DeleteStation(
                stations_pb.DeleteStationRequest(name=f"stations/{id}"), **theirs
            ),
            broker.stations.ListTransactions(
                stations_pb.ListTransactionsRequest(station=f"stations/{id}"), **theirs
            ),
            broker.commands.GetTruthReport(
                pb.GetTruthReportRequest(stations=[f"stations/{id}"]), **theirs
            ),
        ]
        for call in calls:
            assert (await failure_of(call)).code is grpc.StatusCode.NOT_FOUND
        reply = await broker.commands.ListCommands(pb.ListCommandsRequest(), **theirs)
        assert list(reply.commands) == []


async def test_what_is_asked_of_a_station_that_nobody_knows_is_not_found(house: House) -> None:
    """Not of one that was deleted: its commands stay, and are counted."""
    id = await house.offline_station()
    name, unknown = f"stations/{id}", "stations/NOBODY"
    await house.broker.start(id)
    await house.broker.stations.DeleteStation(stations_pb.DeleteStationRequest(name=name))
    report = await house.broker.commands.GetTruthReport(pb.GetTruthReportRequest(stations=[name]))
    assert len(report.report.ends) == 1
    calls = [
        house.broker.commands.GetTruthReport(pb.GetTruthReportRequest(stations=[name, unknown])),
        house.broker.stations.ListTransactions(
            stations_pb.ListTransactionsRequest(station=unknown)
        ),
    ]
    for call in calls:
        failure = await failure_of(call)
        assert (failure.code, failure.reason) == (
            grpc.StatusCode.NOT_FOUND,
            "STATION_NOT_FOUND",
        )


async def test_create_station_tells_nothing_of_a_station_of_another_tenant(
    house: House, db: Database, client: Client
) -> None:
    own, foreign = f"OWN-{uuid.uuid4().hex[:8]}", await house.offline_station()
    theirs = {"metadata": bearer("north")}
    async with guarded(db, client) as broker:
        create = broker.stations.CreateStation
        await create(stations_pb.CreateStationRequest(station_id=own), **theirs)
        refusals = [
            await failure_of(create(stations_pb.CreateStationRequest(station_id=id), **theirs))
            for id in (own, foreign)
        ]
    told = [(each.code, each.reason) for each in refusals]
    assert told == [(grpc.StatusCode.ALREADY_EXISTS, "STATION_EXISTS")] * 2
    messages = [
        each.message.replace(id, "ID") for each, id in zip(refusals, (own, foreign), strict=True)
    ]
    assert messages[0] == messages[1]
    assert "exist" not in messages[0]


async def reflected(broker: Broker, metadata: Any = None) -> list[str]:
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(broker.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    call = stub.ServerReflectionInfo(iter([request]), metadata=metadata)
    async for reply in call:
        return [service.name for service in reply.list_services_response.service]
    return []


async def test_health_needs_no_key_and_reflection_does(db: Database, client: Client) -> None:
    async with guarded(db, client) as broker:
        stub: Any = health_pb2_grpc.HealthStub(broker.channel)
        service = "evcommand.v1.RemoteCommandService"
        reply = await stub.Check(health_pb2.HealthCheckRequest(service=service))
        assert reply.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.aio.AioRpcError):
            await reflected(broker)
        assert service in await reflected(broker, bearer("desk"))


async def test_reflection_and_unknown_methods_are_answered(house: House) -> None:
    assert "evcommand.v1.TokenService" in await reflected(house.broker)
    unknown: Any = house.broker.channel.unary_unary("/evcommand.v1.RemoteCommandService/Fly")
    assert (await failure_of(unknown(b""))).code is grpc.StatusCode.UNIMPLEMENTED


def certificate(folder: Path) -> Tls:
    """A self-signed certificate for localhost."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return Tls(folder / "cert.pem", folder / "key.pem")


async def test_with_tls_and_keys_it_may_listen_everywhere(
    tmp_path: Path, db: Database, client: Client
) -> None:
    tls = certificate(tmp_path)
    settings = BrokerSettings(listen="0.0.0.0:0", tls=tls, api_keys=API_KEYS, drain_s=0.5)
    async with (
        running_broker(db, client, settings) as broker,
        trusting(tls.certificate.read_bytes(), broker.port) as channel,
    ):
        await listed(channel)


async def test_a_renewed_certificate_is_shown_without_a_restart(
    tmp_path: Path, db: Database, client: Client
) -> None:
    tls = certificate(tmp_path)
    settings = BrokerSettings(
        listen="localhost:0", tls=tls, api_keys=API_KEYS, drain_s=0.5, tls_reload_s=0.02
    )
    old = tls.certificate.read_bytes()
    async with running_broker(db, client, settings) as broker:
        async with trusting(old, broker.port) as first:
            await listed(first)
            certificate(tmp_path)
            new = tls.certificate.read_bytes()
            async with asyncio.timeout(20):
                while not await is_admitted(new, broker.port):
                    await asyncio.sleep(0.05)
            await listed(first)  # an open connection goes on
        assert not await is_admitted(old, broker.port)


def trusting(certificate: bytes, port: int) -> grpc.aio.Channel:
    """A channel of its own to a broker that shows this certificate."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    return grpc.aio.secure_channel(
        f"localhost:{port}", grpc.ssl_channel_credentials(certificate), options
    )


async def listed(channel: grpc.aio.Channel) -> None:
    request = pb.ListCommandsRequest()
    await Broker(channel).commands.ListCommands(request, metadata=bearer("desk"))


async def is_admitted(certificate: bytes, port: int) -> bool:
    """Whether a handshake with a broker that has to show this certificate is complete."""
    async with trusting(certificate, port) as channel:
        try:
            await listed(channel)
        except grpc.aio.AioRpcError as error:
            assert error.code() is grpc.StatusCode.UNAVAILABLE
            return False
        return True


async def test_it_does_not_start_open_to_the_network(db: Database, client: Client) -> None:
    with pytest.raises(UnsafeBroker):
        async with running_broker(db, client, BrokerSettings(listen="0.0.0.0:0")):
            pass


async def test_listening_insecurely_must_be_said_and_is_said_loudly(
    db: Database, client: Client
) -> None:
    settings = BrokerSettings(listen="0.0.0.0:0", insecure=True, drain_s=0.5)
    with structlog.testing.capture_logs() as logs:
        async with running_broker(db, client, settings):
            pass
    assert any(log["log_level"] == "warning" and "INSECURE" in log["event"] for log in logs)


async def test_a_taken_port_is_named(db: Database, client: Client) -> None:
    first = BrokerSettings(listen="127.0.0.1:0", drain_s=0.5)
    async with running_broker(db, client, first) as broker:
        second = BrokerSettings(listen=broker.address)
        with pytest.raises(ListenFailed, match=str(broker.port)):
            async with running_broker(db, client, second):
                pass


async def test_oversized_requests_are_refused(house: House) -> None:
    request = pb.CancelCommandRequest(reason="x" * 300_000)
    failure = await failure_of(house.broker.commands.CancelCommand(request))
    assert failure.code is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_too_many_calls_are_told_when_to_try_again(
    house: House, db: Database, client: Client
) -> None:
    settings = BrokerSettings(listen="127.0.0.1:0", drain_s=0.5, max_calls=1)
    async with running_broker(db, client, settings) as broker, dialled(broker.address) as small:
        await house.offline_station()
        watch = small.commands.WatchCommands(pb.WatchCommandsRequest(all=True))
        await watch.wait_for_connection()
        await house.broker.start(await house.offline_station())
        await watch.read()
        failure = await failure_of(small.commands.ListCommands(pb.ListCommandsRequest()))
        watch.cancel()
    assert (failure.code, failure.reason) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "TOO_MANY_CALLS",
    )
    assert failure.retry_s


async def test_a_command_keeps_the_trace_of_its_call(house: House) -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    request = start_request(await house.offline_station())
    metadata = [("traceparent", f"00-{trace_id}-00f067aa0ba902b7-01")]
    reply = await house.broker.commands.StartSession(request, metadata=metadata)
    assert reply.command.trace_id == trace_id


async def test_calls_are_counted_and_logged_without_what_they_carry(house: House) -> None:
    counter = metrics.RPCS.labels("StartSession", "NOT_FOUND")
    before = counter._value.get()
    with structlog.testing.capture_logs() as logs:
        request = start_request("nobody-9", id_token=IdToken(value="SECRET-TAG"))
        await failure_of(house.broker.commands.StartSession(request))
        # The client has its status before the broker has written down how the call ended.
        await eventually(lambda: any(log["event"] == "call" for log in logs))
    assert counter._value.get() == before + 1
    (line,) = [log for log in logs if log["event"] == "call"]
    assert (line["code"], line["reason"]) == ("NOT_FOUND", "STATION_NOT_FOUND")
    assert "SECRET-TAG" not in str(logs)


async def test_an_unexpected_error_is_internal_and_says_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("broker.services.tokens.tokens.get", broken)
    with structlog.testing.capture_logs() as logs:
        request = tokens_pb.GetTokenRequest(value="A")
        failure = await failure_of(house.broker.tokens.GetToken(request))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "secret" not in failure.message
    assert any(log["event"] == "call_failed" for log in logs)
