"""One POST to a receiver: limited in time and size, and to public addresses.

The name is resolved (`names`), the address is checked, and the connection is made to that
address. So a name cannot lead elsewhere between the check and the connection. TLS is verified for
the name. No redirect is followed, no proxy is used, nothing is read from the environment, and no
connection is kept.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import certifi
import httpcore

from broker.callbacks.answers import again, judge, park
from broker.callbacks.names import Lookup, Names, SystemNames
from broker.callbacks.urls import Target, forbidden, malformed, target
from broker.settings import BrokerSettings
from contract.callbacks import PostCallbackResult
from domain.addresses import ForbiddenAddress, admitted
from domain.callbacks import DeliveryCause
from telemetry import metrics

_ADDRESSES_TRIED = 4


class Receivers:
    """Posts to receivers. Has to be closed. lookup: finds names; None: as this system does."""

    def __init__(self, settings: BrokerSettings, lookup: Lookup | None = None) -> None:
        self._settings = settings
        self._system = SystemNames()
        self._names = Names(lookup or self._system.lookup)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_tls(settings),
            max_connections=settings.callback_max_posts,
            max_keepalive_connections=0,
            network_backend=_Backend(self._names, settings.callback_allow_private),
        )

    async def close(self) -> None:
        """Close the connections that are open, and end the questions for names."""
        await self._pool.aclose()
        await self._names.close()
        await self._system.close()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> PostCallbackResult:
        """One try, and what it means. Whatever the receiver does, nothing is raised."""
        wrong = malformed(url) or ("" if self._settings.callback_allow_private else forbidden(url))
        if wrong:
            return park(DeliveryCause.ADDRESS_INVALID, f"The URL {wrong}.")
        try:
            with metrics.CALLBACK_LATENCY.time():
                async with asyncio.timeout(self._settings.callback_timeout_s):
                    return await self._exchange(target(url), headers, body)
        except ForbiddenAddress as error:
            return park(DeliveryCause.ADDRESS_FORBIDDEN, str(error))
        except (TimeoutError, httpcore.TimeoutException):
            limit = f"{self._settings.callback_timeout_s:g} s"
            return again(DeliveryCause.NO_ANSWER, f"It did not answer within {limit}.")
        except httpcore.ProtocolError:
            return again(DeliveryCause.BROKEN_ANSWER, "Its answer was not HTTP.")
        except (httpcore.NetworkError, OSError) as error:
            return _unreachable(error)

    async def _exchange(
        self, to: Target, headers: Mapping[str, str], body: bytes
    ) -> PostCallbackResult:
        url = httpcore.URL(
            scheme=b"https" if to.secure else b"http",
            host=to.host.encode(),
            port=to.port,
            target=to.path.encode(),
        )
        sent = [("host", to.netloc), ("content-length", str(len(body))), *headers.items()]
        async with self._pool.stream("POST", url, headers=sent, content=body) as response:
            size = 0
            async for part in response.aiter_stream():
                size += len(part)
                if size > self._settings.callback_max_answer_bytes:
                    return _too_large(response.status, self._settings.callback_max_answer_bytes)
            return judge(response.status, _retry_after(response), datetime.now(UTC))


class _Backend(httpcore.AnyIOBackend):
    """Connects only to addresses that were checked."""

    def __init__(self, names: Names, allow_private: bool) -> None:
        self._names = names
        self._allow_private = allow_private

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  the library's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """See httpcore.AsyncNetworkBackend. Raises: ForbiddenAddress."""
        addresses = await self._names.addresses(host)
        if not self._allow_private:
            addresses = admitted(host, addresses)
        addresses = addresses[:_ADDRESSES_TRIED]
        for last, address in enumerate(addresses, start=1):
            try:
                return await super().connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if last == len(addresses):
                    raise
        raise httpcore.ConnectError(f"{host} has no address")


def _tls(settings: BrokerSettings) -> ssl.SSLContext:
    """Raises: ValueError when the CA file cannot be used."""
    if settings.callback_ca_file:
        try:
            return ssl.create_default_context(cafile=settings.callback_ca_file)
        except OSError as error:
            raise ValueError(f"broker_callback_ca_file cannot be used: {error}") from error
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    return context


def _retry_after(response: httpcore.Response) -> str | None:
    for name, value in response.headers:
        if name.lower() == b"retry-after":
            return value.decode("latin-1")
    return None


def _too_large(status: int, limit: int) -> PostCallbackResult:
    return park(
        DeliveryCause.ANSWER_TOO_LARGE,
        f"It answered {status} with more than {limit} bytes: that is no receiver of callbacks.",
        status,
    )


def _unreachable(error: BaseException) -> PostCallbackResult:
    """Which part failed: TLS, the name, or the connection. Never shows what was sent."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            why = getattr(cause, "verify_message", "") or cause.reason or "the handshake failed"
            return again(DeliveryCause.TLS_FAILED, f"TLS failed: {why}.")
        if isinstance(cause, socket.gaierror):
            return again(DeliveryCause.UNREACHABLE, "Its name could not be resolved.")
        cause = cause.__cause__ or cause.__context__
    return again(DeliveryCause.UNREACHABLE, "It could not be reached, or hung up.")
