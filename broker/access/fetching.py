"""Fetches the issuer's set of keys: one GET, bounded in time and size.

No redirect is followed, no proxy is used, and no connection is kept.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import certifi
import httpcore

from broker.token_settings import TokenSettings

_OK = 200


@asynccontextmanager
async def fetching(settings: TokenSettings) -> AsyncIterator[Callable[[], Awaitable[bytes]]]:
    """Gives what fetches the set of keys while the context is open. It raises OSError alone.

    Raises: ValueError when the CA file cannot be used.
    """
    async with httpcore.AsyncConnectionPool(
        ssl_context=_tls(settings.ca_file), max_connections=1, max_keepalive_connections=0
    ) as pool:

        async def fetch() -> bytes:
            try:
                async with asyncio.timeout(settings.timeout_s):
                    return await _get(pool, settings)
            except (httpcore.TimeoutException, httpcore.NetworkError) as error:
                raise OSError(f"{settings.jwks_url} cannot be reached") from error
            except httpcore.ProtocolError as error:
                raise OSError(f"{settings.jwks_url} does not speak HTTP") from error

        yield fetch


async def _get(pool: httpcore.AsyncConnectionPool, settings: TokenSettings) -> bytes:
    headers = [("accept", "application/json")]
    content = bytearray()
    async with pool.stream("GET", settings.jwks_url, headers=headers) as response:
        if response.status != _OK:
            raise OSError(f"{settings.jwks_url} answered {response.status}")
        async for part in response.aiter_stream():
            content += part
            if len(content) > settings.keys_max_bytes:
                raise OSError(f"{settings.jwks_url} answered too much")
    return bytes(content)


def _tls(ca_file: str) -> ssl.SSLContext:
    if ca_file:
        try:
            return ssl.create_default_context(cafile=ca_file)
        except OSError as error:
            raise ValueError(f"jwt_ca_file cannot be used: {error}") from error
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    return context
