"""The worker's end of the gateways' direct lines.

A line only makes a command faster. Whatever goes wrong with it says nothing about the frame: the
gateway may have taken it, and the way over its task queue finds that out.
"""

import asyncio
from collections import OrderedDict
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import structlog

from contract.commands import SendFrameInput
from contract.line import KEY_METADATA, OFFER_PATH, OfferInput, key_of, result_of, written
from domain.model.ways import LineUse
from telemetry import metrics
from telemetry.certificates import ServedCertificates, TlsFiles
from telemetry.tracing import carried_trace
from workflows.activities.offers import Offered
from workflows.activities.places import Place, WaitingPlaces
from workflows.settings import WorkerSettings

_log = structlog.get_logger(__name__)

LineCertificates = ServedCertificates[grpc.ChannelCredentials]

_CHANNELS_LIMIT = 256
_REPLY_S = 1.0
"""How long the gateway's reply may take beyond the wait for the station."""


class DirectLines:
    """Connections to the direct lines of gateways, kept open. Close it at the end.

    certificates: of mutual TLS; None: lines of this machine, in plain text.
    """

    def __init__(self, settings: WorkerSettings, *, key: str) -> None:
        self._wait_s = settings.direct_wait_s
        self._places = WaitingPlaces(settings.max_waiting_tasks)
        self._metadata = ((KEY_METADATA, key_of(key)),)
        self.certificates = _certificates(settings)
        self._credentials = self.certificates.current if self.certificates else None
        self._channels: OrderedDict[str, grpc.aio.Channel] = OrderedDict()
        self._leaving: set[asyncio.Task[None]] = set()

    async def offer(self, gateway: str, address: str, frame: SendFrameInput) -> Offered:
        """Hand one frame over. Without a result nothing is known of the frame."""
        if not address:
            return Offered(LineUse.NO_LINE)
        if self._wait_s <= 0:
            return Offered(LineUse.TURNED_OFF)
        channel = await self._channel(address)
        place = self._places.take()
        try:
            offered = await self._offered(channel, place, OfferInput(gateway, frame, self._wait_s))
        except (grpc.aio.AioRpcError, ValueError) as error:
            offered = Offered(_use_of(error))
            why = offered.line.value
            _log.warning("line_unusable", gateway=gateway, station=frame.station, why=why)
        finally:
            self._places.leave(place)
        metrics.DIRECT_FRAMES.labels(result=_RESULTS.get(offered.line, "unusable")).inc()
        return offered

    async def _offered(
        self, channel: grpc.aio.Channel, place: Place, offered: OfferInput
    ) -> Offered:
        """The gateway's reply; CROWDED when the place has to be given up before it comes."""
        offer: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(OFFER_PATH)
        call = offer(
            written(offered),
            timeout=self._wait_s + _REPLY_S,
            metadata=(*self._metadata, *carried_trace().items()),
        )
        reply: asyncio.Future[bytes] = asyncio.ensure_future(call)
        either: set[asyncio.Future[Any]] = {reply, place}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not reply.done():
                return Offered(LineUse.CROWDED)
            sent = result_of(reply.result()).sent
        finally:
            reply.cancel()  # the gateway goes on with the frame, and no longer waits to say so
        return Offered(LineUse.PENDING) if sent is None else Offered(LineUse.USED, sent)

    async def close(self) -> None:
        """Close all connections."""
        for channel in self._channels.values():
            await channel.close()
        self._channels.clear()
        await asyncio.gather(*self._leaving)

    async def _channel(self, address: str) -> grpc.aio.Channel:
        self._take_renewed()
        channel = self._channels.pop(address, None)
        if channel is None:
            channel = (
                grpc.aio.insecure_channel(address)
                if self._credentials is None
                else grpc.aio.secure_channel(address, self._credentials)
            )
        self._channels[address] = channel
        if len(self._channels) > _CHANNELS_LIMIT:
            _, oldest = self._channels.popitem(last=False)
            await oldest.close(grace=_REPLY_S)
        return channel

    def _take_renewed(self) -> None:
        """Dial anew with renewed certificates: a connection keeps those that it was made with.

        What is out over the old connections still comes back over them.
        """
        if self.certificates is None or self.certificates.current is self._credentials:
            return
        self._credentials = self.certificates.current
        for channel in self._channels.values():
            leaving = asyncio.create_task(channel.close(grace=self._wait_s + _REPLY_S))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)
        self._channels.clear()


_RESULTS = {LineUse.USED: "done", LineUse.PENDING: "pending", LineUse.CROWDED: "crowded"}
"""How the offers are counted; all others are unusable."""

_USES = {
    grpc.StatusCode.UNAVAILABLE: LineUse.UNREACHABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED: LineUse.NO_REPLY,
    grpc.StatusCode.UNAUTHENTICATED: LineUse.KEY_REFUSED,
    grpc.StatusCode.FAILED_PRECONDITION: LineUse.OTHER_GATEWAY,
    grpc.StatusCode.RESOURCE_EXHAUSTED: LineUse.BUSY,
}
"""What a status says of the line; any other one: UNREADABLE."""


def _use_of(error: grpc.aio.AioRpcError | ValueError) -> LineUse:
    if isinstance(error, grpc.aio.AioRpcError):
        return _USES.get(error.code(), LineUse.UNREADABLE)
    return LineUse.UNREADABLE


def _certificates(settings: WorkerSettings) -> LineCertificates | None:
    """What mutual TLS is spoken with; None: lines of this machine, in plain text.

    Raises: UnusableTlsFiles.
    """
    certificate, key = settings.line_certificate, settings.line_key
    if not certificate:
        return None

    def load() -> grpc.ChannelCredentials:
        return grpc.ssl_channel_credentials(
            root_certificates=Path(settings.line_ca).read_bytes(),
            private_key=Path(key).read_bytes(),
            certificate_chain=Path(certificate).read_bytes(),
        )

    files = TlsFiles("worker", ((certificate, key),), settings.line_ca)
    return ServedCertificates(files, load, every_s=settings.line_reload_s)
