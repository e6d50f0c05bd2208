"""The whole process: its queue at a real Temporal server, its lease, its end; and TLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from prometheus_client import REGISTRY
from structlog.testing import capture_logs
from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from websockets.asyncio.client import connect

from contract.commands import SendFrameInput, SendFrameResult, SendStatus
from contract.converter import DATA_CONVERTER
from contract.names import SEND_FRAME, gateway_queue
from entrypoints.temporal.binary import find_temporal
from entrypoints.temporal.dev_server import DevServerOptions, running_dev_server
from fleet import connections
from fleet.database import Database
from station_gateway.process import running_gateway
from tests.support.benches.gateway_bench import Bench, now, quick
from tests.support.stations.scripted_station import ScriptedStation, basic, connected, eventually


@workflow.defn
class SendOnce:
    """The part of a command that concerns the gateway."""

    @workflow.run
    async def run(self, queue: str, request: SendFrameInput) -> SendFrameResult:
        result: SendFrameResult = await workflow.execute_activity(
            SEND_FRAME,
            request,
            task_queue=queue,
            result_type=SendFrameResult,
            schedule_to_close_timeout=timedelta(seconds=20),
            heartbeat_timeout=timedelta(seconds=8),
        )
        return result


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    """A client of a dev server."""
    binary = await asyncio.to_thread(find_temporal, lambda _: None)
    options = DevServerOptions(tmp_path / "temporal.log", ui=False)
    async with running_dev_server(binary, options, lambda _: None) as where:
        yield await Client.connect(where.address, data_converter=DATA_CONVERTER)


async def test_a_command_comes_through_the_queue_of_the_process_and_its_end_gives_the_lease_back(
    database: Database, client: Client, bench: Bench
) -> None:
    async with running_gateway(database, client, quick(open=True)) as gateway:
        url = f"ws://{gateway.address}/ocpp/S1"
        async with connected(url) as station, worker(client):
            await station.boot()
            request = await bench.start_request("S1")
            running = asyncio.create_task(send_once(client, gateway.gateway_id, request))
            await station.accept("RemoteStartTransaction")
            assert (await running).status is SendStatus.ANSWERED
            await gateway.drain()
            assert await station.closed() == 1012
    async with database.read() as tx:
        assert await connections.holder(tx, "S1", now=now()) is None


def worker(client: Client) -> Worker:
    return Worker(
        client,
        task_queue="test-sends",
        workflows=[SendOnce],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )


async def send_once(client: Client, gateway_id: str, request: SendFrameInput) -> SendFrameResult:
    return await client.execute_workflow(
        SendOnce.run,
        args=[gateway_queue(gateway_id), request],
        id=request.workflow_id,
        task_queue="test-sends",
    )


async def test_stations_speak_tls_when_a_certificate_is_configured(
    bench: Bench, tmp_path: Path
) -> None:
    certificate, key = make_certificate(tmp_path)
    await bench.restart(tls_certificate=str(certificate), tls_key=str(key))
    async with secured(bench, certificate.read_text()) as station:
        assert "currentTime" in await station.call("Heartbeat", {})


def events_in(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """What was logged, but for the remark that a busy machine is slow."""
    events = [str(line["event"]) for line in lines]
    return [event for event in events if event != "event_loop_stalls"]


async def test_a_renewed_certificate_is_shown_without_a_restart(
    bench: Bench, tmp_path: Path
) -> None:
    certificate, key = make_certificate(tmp_path)
    await bench.restart(tls_certificate=str(certificate), tls_key=str(key), tls_reload_s=0.02)
    old = certificate.read_text()
    async with secured(bench, old) as station:
        make_certificate(tmp_path)
        new = certificate.read_text()
        async with asyncio.timeout(20):
            while not await is_shown(bench, new):
                await asyncio.sleep(0.05)
        assert not await is_shown(bench, old)
        assert "currentTime" in await station.call("Heartbeat", {})  # an open socket goes on
        key.write_text("no key")
        with capture_logs() as lines:
            await eventually(lambda: bool(events_in(lines)))
        assert events_in(lines) == ["certificates_not_taken"]
        assert await is_shown(bench, new)


@asynccontextmanager
async def secured(bench: Bench, certificate: str) -> AsyncIterator[ScriptedStation]:
    """A booted station that trusts this certificate alone."""
    await bench.register("S1")
    socket = await connect(
        f"wss://{bench.gateway.address}/ocpp/S1",
        subprotocols=["ocpp1.6"],  # type: ignore[list-item]
        additional_headers=basic("S1", "a-password-of-the-test"),
        ssl=ssl.create_default_context(cadata=certificate),
    )
    station = ScriptedStation(socket)
    assert (await station.boot())["status"] == "Accepted"
    yield station
    await station.leave()


async def is_shown(bench: Bench, certificate: str) -> bool:
    """Whether the gateway shows this certificate to who connects now."""
    try:
        _, writer = await asyncio.open_connection(
            "127.0.0.1", bench.gateway.port, ssl=ssl.create_default_context(cadata=certificate)
        )
    except ssl.SSLCertVerificationError:
        return False
    writer.transport.abort()
    return True


def test_a_certificate_without_its_key_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="belong together"):
        replace(quick(), tls_certificate="cert.pem").check()


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway.test")])
    begin = datetime.now(UTC) - timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=30))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(private, hashes.SHA256())
    )
    certificate, key = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, key


async def test_work_beside_a_socket_that_fails_is_logged_and_counted(bench: Bench) -> None:
    async def failing() -> None:
        raise RuntimeError("planted")

    async with bench.station("S1"):
        surroundings = bench.gateway._surroundings
        name, labels = "evcommand_task_failures_total", {"task": "beside-socket"}
        before = REGISTRY.get_sample_value(name, labels) or 0.0
        with capture_logs() as lines:
            surroundings.spawn(failing())
            await eventually(lambda: bool(events_in(lines)))
        assert events_in(lines) == ["task_beside_socket_failed"]
        assert (REGISTRY.get_sample_value(name, labels) or 0.0) - before == 1
