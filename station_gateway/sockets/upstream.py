"""The other side of a relay: a websocket to the back end (CSMS), opened as the station would do it.

It is dialled inside the station's own handshake, with the station's identity, its subprotocols and
its credentials. So the back end alone decides who may connect, and its refusal is the station's
answer. Redirects are not followed, and no proxy of the environment is used: a connection goes where
the settings say, or nowhere.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import quote

import certifi
from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.datastructures import Headers, MultipleValuesError
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.http11 import Response
from websockets.protocol import Event, State
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI, parse_uri

from domain.addresses import ForbiddenAddress, admitted
from domain.upstreams import STATION, host_of, is_secure
from station_gateway.settings import GatewaySettings
from station_gateway.sockets.peer_socket import PeerSocket
from station_gateway.stations.ports import BackEndAway

PASSED_ON = ("Authorization", "User-Agent")
"""Headers of the station that the back end gets as they are."""

FINAL = ("upstream_forbidden", "upstream_changed")
"""Reasons why the same dial cannot succeed later."""

PASSING = (
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
)
"""Refusals that say nothing of the station."""

MAX_RETRY_AFTER_S = 86_400

NEXT_ADDRESS_S = 0.25
"""How long an address may be silent before the next one is tried beside it."""

_SAFE = re.compile(r"[A-Za-z0-9%._~!$&'()*+,;=:@-]+")


class UpstreamRefused(BackEndAway):
    """The back end did not take the connection. `status` is for the station.

    reason: a word for metrics and log. retry_after_s: 0 when the back end did not tell one.
    """

    def __init__(self, status: HTTPStatus, reason: str, retry_after_s: int = 0) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.retry_after_s = retry_after_s
        self.final = reason in FINAL or (
            reason == "upstream_refused" and 400 <= status < 500 and status not in PASSING
        )


class UpstreamSocket(PeerSocket, ClientConnection):
    """The websocket to the back end of one station."""

    async def open(self, headers: Iterable[tuple[str, str]]) -> None:
        """The library's `handshake`; what it awaits is one future and no set of two."""
        self.request = request = self.protocol.connect()
        for name, value in headers:
            request.headers[name] = value
        if self.state is State.CONNECTING:
            self.protocol.send_request(request)
            self.send_data()
        await self.response_rcvd
        if self.protocol.handshake_exc is not None:
            raise self.protocol.handshake_exc

    def process_event(self, event: Event) -> None:
        """Drop an answer that comes in the moment in which its time is over."""
        if self.response is not None or not self.response_rcvd.done():
            super().process_event(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the wait for an answer that will not come; the protocol has its reason by now."""
        super().connection_lost(exc)
        if not self.response_rcvd.done():
            self.response_rcvd.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Note that the peer lives."""
        self.heard_s = self.loop.time()
        self.pinged = False
        super().data_received(data)

    def forget_handshake(self) -> None:
        """Forget the headers, the password among them: the connection keeps them for ever."""
        for message in (self.request, self.response):
            if message is not None:
                message.headers.clear()


@dataclass(frozen=True, slots=True)
class DialledStation:
    """What of a station's request goes to the back end.

    spelling: its identity as it stands in the path of its request. address: its own, for the
    header X-Forwarded-For. subprotocols: those it offers that are spoken here, in its order.
    """

    identity: str
    spelling: str
    address: str
    headers: Headers = field(repr=False)
    subprotocols: Sequence[str]

    def again(self, subprotocol: str) -> "DialledStation":
        """What is kept for dialling once more, in the version that is spoken already."""
        kept = Headers()
        for name in PASSED_ON:
            for value in self.headers.get_all(name)[:1]:
                kept[name] = value
        return replace(self, headers=kept, subprotocols=(subprotocol,))


class UpstreamDialler:
    """Opens the websockets to back ends."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings

    async def dial(self, url: str, station: DialledStation, *, anywhere: bool) -> UpstreamSocket:
        """Connect to the back end as this station. Whoever gets the socket has to end it.

        anywhere: the operator of the gateway chose the address; else it must be a public one, and
            TLS is spoken.

        Raises:
            UpstreamRefused: the back end refused, or was not reached in time.
        """
        try:
            async with asyncio.timeout(self._settings.upstream_timeout_s):
                addresses = await (_all_addresses(url) if anywhere else _public_addresses(url))
                return await self._open(_uri_of(url, station), addresses, station)
        except TimeoutError:
            raise UpstreamRefused(HTTPStatus.GATEWAY_TIMEOUT, "upstream_silent") from None
        except InvalidStatus as refused:
            raise _refusal(refused.response) from None
        except ForbiddenAddress as forbidden:
            raise UpstreamRefused(HTTPStatus.BAD_GATEWAY, "upstream_forbidden") from forbidden
        except (InvalidHandshake, OSError, EOFError) as error:
            raise UpstreamRefused(HTTPStatus.BAD_GATEWAY, "upstream_unreachable") from error

    async def _open(
        self, uri: WebSocketURI, addresses: Sequence[str], station: DialledStation
    ) -> UpstreamSocket:
        opened = await self._connected(uri, addresses, station)
        try:
            await opened.open(_headers(station))
        except BaseException:
            opened.abort()
            raise
        opened.forget_handshake()
        return opened

    async def _connected(
        self, uri: WebSocketURI, addresses: Sequence[str], station: DialledStation
    ) -> UpstreamSocket:
        settings, loop = self._settings, asyncio.get_running_loop()
        names = [Subprotocol(name) for name in station.subprotocols]

        def connection() -> UpstreamSocket:
            protocol = ClientProtocol(
                uri, subprotocols=names, max_size=settings.upstream_frame_bytes
            )
            made = UpstreamSocket(
                protocol,
                ping_interval=None,
                close_timeout=settings.close_timeout_s,
                max_queue=settings.queue_frames,
            )
            made.write_timeout_s = settings.write_timeout_s
            return made

        tls, name = (self._tls, uri.host) if uri.secure else (None, None)
        if len(addresses) == 1:  # a fleet that comes back spares itself a task for each station
            _, opened = await loop.create_connection(
                connection, addresses[0], uri.port, ssl=tls, server_hostname=name
            )
            return opened
        reached = await _first_reached(addresses, uri.port)
        try:
            _, opened = await loop.create_connection(
                connection, sock=reached, ssl=tls, server_hostname=name
            )
        except BaseException:
            reached.close()
            raise
        return opened

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._settings.upstream_ca or certifi.where())


def _uri_of(url: str, station: DialledStation) -> WebSocketURI:
    """Where the back end is for this station."""
    spelled = station.spelling
    if not _SAFE.fullmatch(spelled):
        spelled = quote(station.identity, safe="")
    uri = _read(url)
    path, query = (part.replace(STATION, spelled) for part in (uri.path, uri.query))
    return replace(uri, path=path, query=query)


@lru_cache(maxsize=64)
def _read(url: str) -> WebSocketURI:
    """The URL of a back end. Without a place for the station, its identity comes last."""
    return parse_uri(url if STATION in url else f"{url.rstrip('/')}/{STATION}")


@lru_cache(maxsize=64)
def _is_address(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False


async def _public_addresses(url: str) -> list[str]:
    """The addresses of a back end that may be connected to. Raises: ForbiddenAddress, OSError."""
    host = host_of(url)
    if not is_secure(url):
        raise ForbiddenAddress(f"{host} is to be reached without TLS")
    addresses = admitted(host, await _all_addresses(url))
    if not addresses:
        raise OSError(f"{host} has no address")
    return addresses


async def _all_addresses(url: str) -> list[str]:
    """The addresses of a back end, in the order of the resolver. Raises: OSError."""
    if _is_address(_read(url).host):
        return [_read(url).host]
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(_read(url).host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def _first_reached(addresses: Sequence[str], port: int) -> socket.socket:
    """A TCP connection to the first address that is reached (RFC 8305). Raises: OSError.

    One that does not answer is tried on while the next one is.
    """
    loop, waiting = asyncio.get_running_loop(), list(addresses)
    tries: set[asyncio.Task[socket.socket]] = set()
    failed: BaseException | None = None
    try:
        while waiting or tries:
            if waiting:
                tries.add(loop.create_task(_reached(waiting.pop(0), port)))
            wait_s = NEXT_ADDRESS_S if waiting else None
            done, _ = await asyncio.wait(tries, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                tries.discard(task)
                failed = task.exception()
                if failed is None:
                    return task.result()
    finally:
        for task in tries:
            task.add_done_callback(_close)
            task.cancel()
    raise failed or OSError("no address")


async def _reached(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, (address, port))
    except BaseException:
        made.close()
        raise
    return made


def _close(late: "asyncio.Task[socket.socket]") -> None:
    """Another address was faster."""
    if not late.cancelled() and late.exception() is None:
        late.result().close()


def _headers(station: DialledStation) -> list[tuple[str, str]]:
    headers = [(name, value) for name in PASSED_ON for value in station.headers.get_all(name)[:1]]
    if station.address:
        headers.append(("X-Forwarded-For", station.address))
    return headers


def _refusal(response: Response) -> UpstreamRefused:
    """The answer of the back end as the station's. A redirect is no answer for a station."""
    code = response.status_code
    if code < 400:
        return UpstreamRefused(HTTPStatus.BAD_GATEWAY, "upstream_redirects")
    try:
        status = HTTPStatus(code)
    except ValueError:
        status = HTTPStatus.BAD_GATEWAY
    return UpstreamRefused(status, "upstream_refused", _retry_after_s(response.headers))


def _retry_after_s(headers: Headers) -> int:
    try:
        told = headers.get("Retry-After", "").strip()
    except MultipleValuesError:
        return 0
    return min(int(told[:9]), MAX_RETRY_AFTER_S) if told.isdecimal() else 0
