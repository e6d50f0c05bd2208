"""The broker as a process: listens, serves, and drains when it is told to stop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc
import grpc.aio
import structlog
from evcommand.v1 import (
    callback_service_pb2,
    callback_service_pb2_grpc,
    remote_command_service_pb2,
    remote_command_service_pb2_grpc,
    reservation_service_pb2,
    reservation_service_pb2_grpc,
    station_service_pb2,
    station_service_pb2_grpc,
    token_service_pb2,
    token_service_pb2_grpc,
)
from google.protobuf.descriptor import FileDescriptor
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from temporalio.client import Client

from broker.auth import Authenticator
from broker.callbacks.posting import posting_callbacks
from broker.calls import CallInterceptor
from broker.commands.submitting import Backend
from broker.reading.following import LogFollower
from broker.reading.watching import Watches
from broker.services.callbacks import CallbackServicer
from broker.services.remote_commands import RemoteCommandServicer
from broker.services.reservations import ReservationServicer
from broker.services.stations import StationServicer
from broker.services.tokens import TokenServicer
from broker.settings import BrokerSettings, Tls, check_listener
from domain.loopback import is_loopback_listener
from fleet.engine.database import Database
from fleet.keys import load_passwords, load_sealer

_logger = structlog.get_logger(__name__)

_FILES: tuple[FileDescriptor, ...] = (
    remote_command_service_pb2.DESCRIPTOR,
    station_service_pb2.DESCRIPTOR,
    token_service_pb2.DESCRIPTOR,
    callback_service_pb2.DESCRIPTOR,
    reservation_service_pb2.DESCRIPTOR,
)
SERVICES = tuple(service.full_name for file in _FILES for service in file.services_by_name.values())

# Calls beyond `max_calls` that are told so, with details; further ones only get the bare status.
_REFUSED_AT_ONCE = 200


class ListenFailed(Exception):
    """The address cannot be listened on. Says which and why."""


@dataclass(frozen=True)
class RunningBroker:
    """A broker that serves. `port` is the real one when the settings said 0."""

    host: str
    port: int

    @property
    def address(self) -> str:
        """HOST:PORT that clients dial."""
        return f"{self.host}:{self.port}"


@asynccontextmanager
async def running_broker(
    db: Database, client: Client, settings: BrokerSettings
) -> AsyncIterator[RunningBroker]:
    """Serves while the context is open; then drains: no new calls, waits end with the command as
    it is, watches end with UNAVAILABLE, and what is still in flight has `drain_s` to end.

    Raises: UnsafeListener; ListenFailed; DatabaseUnavailable.
    """
    check_listener(settings)
    _warn_when_open(settings)
    draining = asyncio.Event()
    follower = LogFollower(db)
    backend = Backend(db, client, await load_sealer(db), follower, settings, draining)
    healthy = health.aio.HealthServicer()
    server = _server(settings)
    await _add_services(server, backend, healthy)
    host = settings.listen.rpartition(":")[0]
    broker = RunningBroker(host, _listen(server, settings))
    async with (
        posting_callbacks(db, client, backend.sealer, settings),
        follower.running(),
    ):
        await server.start()
        _logger.info("broker_listens", address=broker.address, tls=settings.tls is not None)
        try:
            yield broker
        finally:
            _logger.info("broker_drains", grace_s=settings.drain_s)
            draining.set()
            await healthy.enter_graceful_shutdown()
            await server.stop(settings.drain_s)


def _server(settings: BrokerSettings) -> grpc.aio.Server:
    keepalive_ms = int(settings.keepalive_s * 1000)
    return grpc.aio.server(
        interceptors=[CallInterceptor(Authenticator(settings.api_keys), settings)],
        maximum_concurrent_rpcs=settings.max_calls + _REFUSED_AT_ONCE,
        options=[
            ("grpc.max_receive_message_length", settings.max_message_bytes),
            ("grpc.max_metadata_size", settings.max_metadata_bytes),
            ("grpc.max_concurrent_streams", settings.max_streams_per_connection),
            ("grpc.keepalive_time_ms", keepalive_ms),
            ("grpc.keepalive_timeout_ms", keepalive_ms),
            ("grpc.http2.min_ping_interval_without_data_ms", keepalive_ms // 3),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.so_reuseport", 0),
        ],
    )


async def _add_services(
    server: grpc.aio.Server, backend: Backend, healthy: "health.aio.HealthServicer"
) -> None:
    passwords = await load_passwords(backend.db)
    watches = Watches(backend.settings.max_watches)
    remote_command_service_pb2_grpc.add_RemoteCommandServiceServicer_to_server(
        RemoteCommandServicer(backend, watches), server
    )
    reservation_service_pb2_grpc.add_ReservationServiceServicer_to_server(
        ReservationServicer(backend, watches), server
    )
    station_service_pb2_grpc.add_StationServiceServicer_to_server(
        StationServicer(backend, passwords), server
    )
    token_service_pb2_grpc.add_TokenServiceServicer_to_server(TokenServicer(backend), server)
    callback_service_pb2_grpc.add_CallbackServiceServicer_to_server(
        CallbackServicer(backend), server
    )
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    for service in SERVICES:
        await healthy.set(service, health_pb2.HealthCheckResponse.SERVING)
    shown = (*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(shown, server)


def _listen(server: grpc.aio.Server, settings: BrokerSettings) -> int:
    try:
        if settings.tls is None:
            port = server.add_insecure_port(settings.listen)
        else:
            port = server.add_secure_port(settings.listen, _credentials(settings.tls))
    except RuntimeError as error:
        raise ListenFailed(
            f"cannot listen on {settings.listen}: is another broker running there?"
        ) from error
    if port == 0 and not settings.listen.startswith("unix:"):
        raise ListenFailed(f"cannot listen on {settings.listen}")
    return port


def _credentials(tls: Tls) -> grpc.ServerCredentials:
    return grpc.ssl_server_credentials(
        [(tls.key.read_bytes(), tls.certificate.read_bytes())],
        root_certificates=tls.client_ca.read_bytes() if tls.client_ca else None,
        require_client_auth=tls.client_ca is not None,
    )


def _warn_when_open(settings: BrokerSettings) -> None:
    if is_loopback_listener(settings.listen):
        return
    if settings.tls is None or not settings.api_keys:
        _logger.warning(
            "BROKER IS INSECURE: whoever reaches this address can command every station",
            listen=settings.listen,
            tls=settings.tls is not None,
            credentials=bool(settings.api_keys),
        )
