"""Signed tokens over the wire: the issuer's keys are fetched, within limits, and a watch ends."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import grpc.aio
import pytest

from broker.auth import current_caller
from broker.calls import CallInterceptor
from broker.process import authenticating
from broker.settings import BrokerSettings, UnsafeBroker, check_listener, check_tokens
from broker.token_settings import TokenSettings
from journal.clock import Clock, system_clock
from tests.support.access.signed_tokens import AUDIENCE, ISSUER, Signer
from tests.support.benches.broker_house import WAIT_S, Failure, failure_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

SIGNER = Signer("first")
KEYS = json.dumps({"keys": [SIGNER.jwk]}).encode()
SERVICE = "grpc.reflection.v1.ServerReflection"  # open to each credential


def answer(status: str, body: bytes, *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(head).encode() + body


class Issuer:
    """An HTTP server on loopback. raw: what it answers; None: nothing at all."""

    def __init__(self) -> None:
        self.raw: bytes | None = answer("200 OK", KEYS)
        self.asked: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(await reader.readuntil(b"\r\n\r\n"))
        if self.raw is None:
            await reader.read()
        else:
            writer.write(self.raw)
        writer.close()


class Desk:
    """A broker's interceptor before two methods, and its client."""

    def __init__(self, channel: grpc.aio.Channel, issuer: Issuer) -> None:
        self.channel = channel
        self.issuer = issuer

    def who(self, token: str) -> Any:
        metadata = (("authorization", f"Bearer {token}"),)
        call: Any = self.channel.unary_unary(f"/{SERVICE}/who")
        return call(b"", metadata=metadata, timeout=WAIT_S)

    def watch(self, token: str) -> Any:
        metadata = (("authorization", f"Bearer {token}"),)
        call: Any = self.channel.unary_stream(f"/{SERVICE}/watch")
        return call(b"", metadata=metadata)


async def who(_request: bytes, _context: Any) -> bytes:
    return current_caller().name.encode()


async def watch(_request: bytes, _context: Any) -> AsyncGenerator[bytes, None]:
    yield b"begun"
    await asyncio.Event().wait()


@asynccontextmanager
async def desk(clock: Clock = system_clock, **changed: Any) -> AsyncIterator[Desk]:
    issuer = Issuer()
    http = await asyncio.start_server(issuer.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{http.sockets[0].getsockname()[1]}/jwks?tenant=1"
    tokens = TokenSettings(jwks_url=url, issuer=ISSUER, audience=AUDIENCE, keys_pause_s=0.0)
    settings = BrokerSettings(tokens=replace(tokens, **changed))
    check_tokens(settings.tokens)
    async with http, authenticating(settings, clock) as authenticator:
        server = grpc.aio.server(interceptors=[CallInterceptor(authenticator, settings)])
        handlers: dict[str, Any] = {
            "who": grpc.unary_unary_rpc_method_handler(who),
            "watch": grpc.unary_stream_rpc_method_handler(watch),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Desk(channel, issuer)
        await server.stop(0)


async def test_the_keys_are_fetched_once_from_where_the_setting_says() -> None:
    async with desk() as at:
        for _ in range(3):
            assert await at.who(SIGNER.token()) == b"jwt:anna"
        assert len(at.issuer.asked) == 1
        assert at.issuer.asked[0].startswith(b"GET /jwks?tenant=1 HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "raw",
    [
        None,
        b"",
        b"\x00 this is not HTTP\r\n\r\n",
        answer("500 Oops", KEYS),
        answer("302 Found", b"", "location: http://127.0.0.1:1/jwks"),
        answer("200 OK", KEYS + b" " * 2_000),
        answer("200 OK", b"<html>"),
    ],
)
async def test_an_issuer_that_answers_badly_makes_no_token_bad(raw: bytes | None) -> None:
    async with desk(timeout_s=0.5, keys_max_bytes=2_000) as at:
        at.issuer.raw = raw
        failure: Failure = await failure_of(at.who(SIGNER.token()))
        assert (failure.code, failure.reason) == (
            grpc.StatusCode.UNAVAILABLE,
            "CREDENTIALS_NOT_CHECKED",
        )
        assert failure.retry_s
        at.issuer.raw = answer("200 OK", KEYS)
        assert await at.who(SIGNER.token()) == b"jwt:anna"


async def test_a_watch_ends_with_the_token_that_began_it() -> None:
    async with desk() as at:
        call = at.watch(SIGNER.token(exp=datetime.now(UTC).timestamp() + 1.5))
        assert await call.read() == b"begun"
        failure = await failure_of(call)
        assert (failure.code, failure.reason) == (
            grpc.StatusCode.UNAUTHENTICATED,
            "CREDENTIALS_EXPIRED",
        )


@pytest.mark.parametrize("wrong", [timedelta(minutes=-10), timedelta(minutes=10)])
async def test_a_token_ends_by_the_clock_of_the_fleet(wrong: timedelta) -> None:
    """The clock of this machine is wrong."""

    def fleet_now() -> datetime:
        return datetime.now(UTC) + wrong

    async with desk(fleet_now) as at:
        begun, left = fleet_now().timestamp(), timedelta(minutes=2).total_seconds()
        good = SIGNER.token(iat=begun, exp=begun + left)
        ended = SIGNER.token(iat=begun - 2 * left, exp=begun - left)
        assert await at.who(good) == b"jwt:anna"
        assert (await failure_of(at.who(ended))).reason == "CREDENTIALS_EXPIRED"
        call = at.watch(SIGNER.token(iat=begun, exp=fleet_now().timestamp() + 1.5))
        assert await call.read() == b"begun"
        assert (await failure_of(call)).reason == "CREDENTIALS_EXPIRED"


async def test_a_token_is_a_credential_to_a_listener_beyond_loopback() -> None:
    with pytest.raises(UnsafeBroker, match="API key"):
        check_listener(BrokerSettings(listen="0.0.0.0:1"))
    tokens = TokenSettings(jwks_url="https://issuer.test/jwks")
    with pytest.raises(UnsafeBroker) as refused:
        check_listener(BrokerSettings(listen="0.0.0.0:1", tokens=tokens))
    assert "API key" not in str(refused.value)
