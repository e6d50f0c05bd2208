"""The broker as a process: listens, serves, and drains when it is told to stop."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass

import grpc
import grpc.aio
import structlog

from broker.access.fetching import fetching
from broker.access.signing_keys import SigningKeys
from broker.access.tokens import TokenVerifier
from broker.audit.denied_calls import DeniedCalls, writing_denied_calls
from broker.auth import Authenticator
from broker.backend import Backend
from broker.callbacks.posting import posting_callbacks
from broker.calls import CallInterceptor, RefusedCall
from broker.commands.table import METHOD_RIGHTS
from broker.places import Share
from broker.reading.following import LogFollower
from broker.reading.open_watches import OpenWatches
from broker.reading.read_turns import ReadTurns
from broker.services.registration import add_services
from broker.settings import BrokerSettings, check_listener, check_tokens
from broker.temporal import Temporal, TemporalClient
from domain.loopback import is_loopback_listener
from fleet.database import Database
from fleet.keys import load_passwords, load_sealer
from journal.clock import Clock, system_clock
from journal.due_bookings import DueBookings
from journal.due_waitlists import DueWaitlists
from journal.lost_gateways import LostGateways
from telemetry.certificates import TlsFiles
from telemetry.grpc_certificates import GrpcCertificates, credentials_of, grpc_certificates
from telemetry.supervision import background

_logger = structlog.get_logger(__name__)

# gRPC cancels calls at random while more of them wait to be looked at: at 1,000 if nothing is said,
# and a client cannot tell what has become of its call. A few kB of memory each.
_NOT_LOOKED_AT_YET = 5_000

# A client has to confirm our limits so soon. Before it has, gRPC takes 16 MiB of metadata a call,
# which 16 kB on the wire can stand for, whatever our own limit says.
_CONFIRMED_MS = 3_000


class ListenFailed(OSError):
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
    db: Database, client: TemporalClient, settings: BrokerSettings, clock: Clock = system_clock
) -> AsyncIterator[RunningBroker]:
    """Serves while the context is open, and drains when it closes. clock: of all that it decides.

    Draining: no new calls are taken, waiting calls return the command as it is, watches end with
    UNAVAILABLE, and other calls have `drain_s` to end.

    Raises: UnsafeBroker; ListenFailed; DatabaseUnavailable; UnusableTlsFiles.
    """
    check_listener(settings)
    check_tokens(settings.tokens)
    _warn_when_open(settings)
    certificates = _certificates(settings)
    backend = await _backend(db, client, settings, clock)
    denied = DeniedCalls(clock)
    async with (
        authenticating(settings, clock) as authenticator,
        writing_denied_calls(db, denied),
        background("certificates", certificates.run) if certificates else nullcontext(),
        posting_callbacks(db, client, backend.sealer, settings, clock),
        backend.follower.running(),
        background("lost-gateways", LostGateways(db, clock).run),
        background("due-bookings", DueBookings(db, clock).run),
        background("due-waitlists", DueWaitlists(db, clock).run),
    ):
        server = _server(authenticator, settings, denied.note)
        add_services(server, backend)
        host = settings.listen.rpartition(":")[0]
        broker = RunningBroker(host, _listen(server, settings, certificates))
        await server.start()
        _logger.info("broker_listens", address=broker.address, tls=settings.tls is not None)
        try:
            yield broker
        finally:
            _logger.info("broker_drains", grace_s=settings.drain_s)
            backend.draining.set()
            await server.stop(settings.drain_s)


async def _backend(
    db: Database, client: TemporalClient, settings: BrokerSettings, clock: Clock
) -> Backend:
    return Backend(
        db=db,
        temporal=Temporal(client, settings),
        sealer=await load_sealer(db),
        passwords=await load_passwords(db),
        follower=LogFollower(db),
        watches=OpenWatches(
            settings.max_watches,
            {
                Share.TENANT: settings.max_watches_per_tenant,
                Share.CREDENTIAL: settings.max_watches_per_credential,
            },
        ),
        settings=settings,
        draining=asyncio.Event(),
        now=clock,
    )


@asynccontextmanager
async def authenticating(
    settings: BrokerSettings, clock: Clock = system_clock
) -> AsyncIterator[Authenticator]:
    """Admits callers by their credentials; fetches the keys of tokens when they are needed.

    Raises: ValueError when the CA file for the issuer cannot be used.
    """
    if not settings.tokens.jwks_url:
        yield Authenticator(settings.api_keys, now=clock, rights=METHOD_RIGHTS)
        return
    async with fetching(settings.tokens) as fetch:
        keys = SigningKeys(fetch, settings.tokens, time.monotonic)
        try:
            tokens = TokenVerifier(keys, settings.tokens)
            yield Authenticator(settings.api_keys, tokens, clock, rights=METHOD_RIGHTS)
        finally:
            await keys.close()


def _server(
    authenticator: Authenticator, settings: BrokerSettings, refused: RefusedCall
) -> grpc.aio.Server:
    keepalive_ms = int(settings.keepalive_s * 1000)
    return grpc.aio.server(
        interceptors=[
            CallInterceptor(authenticator, settings, refused),
            ReadTurns(settings.reads_at_once),
        ],
        options=[
            ("grpc.max_receive_message_length", settings.max_message_bytes),
            ("grpc.max_metadata_size", settings.max_metadata_bytes),
            ("grpc.max_concurrent_streams", settings.max_streams_per_connection),
            ("grpc.server.max_pending_requests", _NOT_LOOKED_AT_YET),
            ("grpc.server.max_pending_requests_hard_limit", 2 * _NOT_LOOKED_AT_YET),
            ("grpc.http2.settings_timeout", _CONFIRMED_MS),
            ("grpc.keepalive_time_ms", keepalive_ms),
            ("grpc.keepalive_timeout_ms", keepalive_ms),
            ("grpc.http2.min_ping_interval_without_data_ms", keepalive_ms // 3),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.so_reuseport", 0),
        ],
    )


def _certificates(settings: BrokerSettings) -> GrpcCertificates | None:
    """What TLS is served with; None for plain text. Raises: UnusableTlsFiles."""
    tls = settings.tls
    if tls is None:
        return None
    pair, ca = (str(tls.certificate), str(tls.key)), str(tls.client_ca or "")
    return grpc_certificates(TlsFiles("grpc", (pair,), ca), every_s=settings.tls_reload_s)


def _listen(
    server: grpc.aio.Server, settings: BrokerSettings, certificates: GrpcCertificates | None
) -> int:
    try:
        if certificates is None or settings.tls is None:
            port = server.add_insecure_port(settings.listen)
        else:
            mutual = settings.tls.client_ca is not None
            port = server.add_secure_port(
                settings.listen, credentials_of(certificates, mutual=mutual)
            )
    except RuntimeError as error:
        raise ListenFailed(
            f"cannot listen on {settings.listen}: is another broker running there?"
        ) from error
    if port == 0 and not settings.listen.startswith("unix:"):
        raise ListenFailed(f"cannot listen on {settings.listen}")
    return port


def _warn_when_open(settings: BrokerSettings) -> None:
    if is_loopback_listener(settings.listen):
        return
    if settings.tls is None or not settings.has_credentials:
        _logger.warning(
            "BROKER IS INSECURE: whoever reaches this address can command every station",
            listen=settings.listen,
            tls=settings.tls is not None,
            credentials=settings.has_credentials,
        )
