"""The direct line of a gateway: workers hand it frames over gRPC, without Temporal in between.

Nothing here decides. Who shows the fleet's key may offer a frame; what holds for a frame of the
task queue (epoch, intent, never twice) holds for it as well. Beyond loopback the line is served
with mutual TLS only.
"""

import hmac
from dataclasses import replace

import grpc
import grpc.aio
import structlog

from contract.line import (
    KEY_METADATA,
    OFFER_METHOD,
    SERVICE,
    OfferResult,
    key_of,
    offer_of,
    written,
)
from domain.model.ways import LineUse
from fleet.engine.unavailable import DatabaseUnavailable
from station_gateway.commands.runs import Runs
from station_gateway.settings import GatewaySettings
from telemetry.certificates import TlsFiles
from telemetry.grpc_certificates import GrpcCertificates, credentials_of, grpc_certificates
from telemetry.tracing import trace_carried_by

log = structlog.get_logger(__name__)

_LARGEST_BYTES = 64 * 1024
"""A frame's input takes a few kilobytes at most."""

_LONGEST_WAIT_S = 10.0

_LAST_RESULTS_S = 2.0
"""How long a line that stops goes on with the calls that it has taken."""


class LineFailed(OSError):
    """The line cannot be served at its address."""


class DirectLine:
    """The direct line of one gateway process.

    address: "" until it is served, and without one. certificates: None without TLS.
    """

    def __init__(self, runs: Runs, settings: GatewaySettings, *, gateway: str, key: str) -> None:
        self._runs = runs
        self._settings = settings
        self._gateway = gateway
        self._key = key_of(key).encode()
        self._server: grpc.aio.Server | None = None
        self.certificates: GrpcCertificates | None = None
        self.address = ""

    async def start(self) -> None:
        """Serve it, unless it is turned off.

        Raises: LineFailed; UnusableTlsFiles.
        """
        listen = self._settings.line_listen
        if not listen:
            return
        self.certificates = _certificates(self._settings)
        server = grpc.aio.server(
            maximum_concurrent_rpcs=self._settings.max_activities,
            options=[("grpc.max_receive_message_length", _LARGEST_BYTES), ("grpc.so_reuseport", 0)],
        )
        offer: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
            self._offer
        )
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICE, {OFFER_METHOD: offer}),)
        )
        try:
            port = (
                server.add_secure_port(listen, credentials_of(self.certificates, mutual=True))
                if self.certificates is not None
                else server.add_insecure_port(listen)
            )
        except RuntimeError as error:
            raise LineFailed(f"cannot serve the direct line on {listen}") from error
        await server.start()
        self._server = server
        host = listen.rpartition(":")[0]
        self.address = self._settings.line_address or f"{host}:{port}"

    async def stop(self) -> None:
        """Take no frame any longer; those that were taken go on, and their results may leave."""
        if self._server is not None:
            await self._server.stop(_LAST_RESULTS_S)

    async def _offer(self, data: bytes, call: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
        shown = {name: str(value) for name, value in call.invocation_metadata() or ()}
        key = shown.get(KEY_METADATA, "").encode("utf-8", "replace")
        if not hmac.compare_digest(key, self._key):
            log.warning("line_refused", peer=call.peer())
            await call.abort(grpc.StatusCode.UNAUTHENTICATED, "show the key of the fleet")
        try:
            offer = offer_of(data)
        except ValueError:
            await call.abort(grpc.StatusCode.INVALID_ARGUMENT, "this is no offer of a frame")
        if offer.gateway != self._gateway:
            await call.abort(grpc.StatusCode.FAILED_PRECONDITION, "this is another gateway")
        wait_s = min(max(offer.wait_s, 0.0), _LONGEST_WAIT_S)
        frame = replace(offer.frame, line=LineUse.USED.value)
        try:
            with trace_carried_by(shown):
                return written(OfferResult(await self._runs.offer(frame, wait_s)))
        except DatabaseUnavailable:
            await call.abort(grpc.StatusCode.UNAVAILABLE, "the database is away")


def _certificates(settings: GatewaySettings) -> GrpcCertificates | None:
    """What mutual TLS is served with; None: a line of this machine, in plain text."""
    if not settings.line_certificate:
        return None
    pair = (settings.line_certificate, settings.line_key)
    return grpc_certificates(
        TlsFiles("line", (pair,), settings.line_ca), every_s=settings.tls_reload_s
    )
