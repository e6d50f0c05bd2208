"""What happens around every call: its caller, its trace, its errors, its metrics, its log line.

One interceptor serves unary calls and streams. Every exception of a servicer ends here. A Refusal
becomes its status with details. Any other exception becomes INTERNAL and is logged with its stack.
No request and no reply is ever written to the log.

gRPC starts a method that takes one request only when it has read it, however long that takes. So
every method is given to gRPC as one that takes a stream of requests: such a method starts with the
headers. A call without the right credentials, above its credential's rate, or without a place in
its caller's shares, ends then. Any other one has to bring its request in time. On the wire both are
the same.

OpenTelemetry has its own interceptor for grpc.aio. It counts every abort as an exception of the
server, and it cannot say which span a stream belongs to. So the few lines that are needed are here.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from datetime import timedelta
from typing import Any, NoReturn

import grpc
import grpc.aio
import structlog
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from broker.access.call_rates import CallRates
from broker.access.caller import Caller
from broker.access.refused_calls import RefusedCallLines
from broker.auth import NOBODY, Authenticator, expired, is_open, set_current_caller
from broker.errors import Reason, Refusal, check, share_taken
from broker.places import Places, Share, ShareTaken
from broker.proto.control_characters import control_characters
from broker.proto.error_details import trailing_details
from broker.settings import BrokerSettings
from fleet.engine.unavailable import DatabaseUnavailable
from journal.clock import Clock
from telemetry import metrics

_logger = structlog.get_logger(__name__)
_tracer = trace.get_tracer("evcommand")
# Only the trace of a client is continued. Its baggage would end in histories.
_traceparent = TraceContextTextMapPropagator()

Context = grpc.aio.ServicerContext[Any, Any]
Handler = Any  # grpc.RpcMethodHandler, whose stub knows only synchronous methods
Replies = AsyncGenerator[Any, None] | Awaitable[None]
"""A method with a stream of replies: a generator of them, or a coroutine that sends them."""

RefusedCall = Callable[[Caller, str, Refusal], None]
"""Hears of a call that ended with a refusal: who made it, its method, and the refusal."""

_WORDS = ("calls", "Make fewer at once, or try again later.")
_CODES: dict[Any, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}
_OUR_FAULT = frozenset(
    {
        grpc.StatusCode.DATA_LOSS,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.UNKNOWN,
    }
)
"""The codes that a server's span counts as errors (OpenTelemetry's conventions for gRPC)."""


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Wraps every method of every service.

    refused: hears of each call that ends with a refusal.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        settings: BrokerSettings,
        refused: RefusedCall = lambda _caller, _method, _refusal: None,
    ) -> None:
        self._refused = refused
        self._authenticator = authenticator
        self._lines = RefusedCallLines()
        self._rates = CallRates(settings.call_rate, settings.call_burst_s, time.monotonic)
        self._settings = settings
        self._places = Places(
            {
                Share.BROKER: settings.max_calls,
                Share.TENANT: settings.max_calls_per_tenant,
                Share.CREDENTIAL: settings.max_calls_per_credential,
                Share.CONNECTION: settings.max_streams_per_connection,
            }
        )
        self._open_places = Places({Share.CONNECTION: settings.max_health_calls_per_connection})

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """See grpc.aio.ServerInterceptor."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        method = handler_call_details.method
        metadata = handler_call_details.invocation_metadata
        caller = NOBODY
        try:
            caller = await self._authenticator.identify(method, metadata)
            self._rates.check(caller, method)
            self._authenticator.authorize(method, caller)
        except Refusal as refusal:
            self._refused(caller, method, refusal)
            self._lines.write(caller, method, refusal)
            return _refusing(method, handler, refusal)
        places = self._open_places if is_open(method) else self._places
        served = _Served(
            method,
            caller,
            dict(metadata),
            self._settings,
            places,
            refused=self._refused,
            now=self._authenticator.now,
        )
        return _wrapped(handler, served)


class _Served:
    """One call, and what is done around the servicer's method."""

    def __init__(
        self,
        method: str,
        caller: Caller,
        metadata: dict[str, str | bytes],
        settings: BrokerSettings,
        places: Places,
        *,
        refused: RefusedCall,
        now: Clock,
    ) -> None:
        self._refused = refused
        self._now = now
        self._places = places
        self._method = method
        self._caller = caller
        self._metadata = metadata
        self._settings = settings

    def unary(self, handler: Handler) -> Any:
        """A method with one reply."""

        async def serve(_requests: AsyncIterator[bytes], context: Context) -> Any:
            with self._span() as span, _measured(self._method, self._caller, span) as call:
                try:
                    with self._place(context):
                        request = await self._request(handler, context)
                        return await handler.unary_unary(request, context)
                except Exception as error:
                    await self._end(call, context, error)

        return serve

    def stream(self, handler: Handler) -> Any:
        """A method with a stream of replies.

        It sends the replies itself: a generator that gRPC drives is left suspended when the client
        goes, and gives back what it holds only when the garbage is collected.
        """

        async def serve(requests: AsyncIterator[bytes], context: Context) -> None:
            with self._span() as span, _measured(self._method, self._caller, span) as call:
                try:
                    with self._place(context):
                        if handler.request_streaming:
                            replies = handler.stream_stream(
                                self._prompt(handler, requests), context
                            )
                        else:
                            request = await self._request(handler, context)
                            replies = handler.unary_stream(request, context)
                        await self._send_until_the_end(replies, context)
                except Exception as error:
                    await self._end(call, context, error)

        return serve

    async def _send_until_the_end(self, replies: Replies, context: Context) -> None:
        """Send what a method yields until its caller's credential ends.

        Raises: Refusal (CREDENTIALS_EXPIRED).
        """
        until = self._caller.until
        left = None if until is None else (until - self._now()).total_seconds()
        try:
            async with asyncio.timeout(left) as credential:
                await _send(replies, context)
        except TimeoutError as error:
            if credential.expired():
                raise expired() from error
            raise

    @contextmanager
    def _place(self, context: Context) -> Iterator[None]:
        """A place for this call in the caller's shares. Raises: Refusal (TOO_MANY_CALLS)."""
        holders = self._caller.shares
        peer = context.peer()
        if not peer.startswith("unix"):  # all clients of a Unix socket have one name
            holders[Share.CONNECTION] = (peer,)
        try:
            with self._places.one_more(holders):
                yield
        except ShareTaken as taken:
            retry = timedelta(seconds=self._settings.unavailable_retry_s)
            raise share_taken(Reason.TOO_MANY_CALLS, taken, _WORDS, retry) from taken

    async def _request(self, handler: Handler, context: Context) -> Any:
        """The one request of a call. Raises: Refusal when it does not come, or is no message."""
        content = await self._in_time(context.read())
        if content is grpc.aio.EOF:
            raise Refusal(Reason.INVALID_REQUEST, "The call ended before its request.")
        return _message(handler, content)

    async def _prompt(
        self, handler: Handler, requests: AsyncIterator[bytes]
    ) -> AsyncGenerator[Any, None]:
        """A stream of requests, the first of which has to come in time."""
        first = await self._in_time(anext(requests, None))
        if first is None:
            return
        yield _message(handler, first)
        async for content in requests:
            yield _message(handler, content)

    async def _in_time(self, reading: Awaitable[Any]) -> Any:
        """What is read. Raises: Refusal (REQUEST_NOT_RECEIVED) when it takes too long."""
        try:
            async with asyncio.timeout(self._settings.request_timeout_s):
                return await reading
        except TimeoutError as error:
            raise Refusal(
                Reason.REQUEST_NOT_RECEIVED,
                "The request of this call did not come within "
                f"{self._settings.request_timeout_s:g} s of its headers. Nothing was done. "
                "Send it again.",
                retry_after=timedelta(seconds=self._settings.unavailable_retry_s),
            ) from error

    async def _end(self, call: "_Call", context: Context, error: Exception) -> NoReturn:
        """End a call whose method raised. What the client did is no failure of ours."""
        if isinstance(error, grpc.aio.AbortError):  # the method has sent its status
            call.code = _CODES[context.code()]
            raise error
        if isinstance(error, grpc.aio.BaseError):  # neither read nor written: the client is gone
            raise asyncio.CancelledError from error
        refusal = self._refusal(error)
        self._refused(self._caller, self._method, refusal)
        await call.end(context, refusal, error)

    @contextmanager
    def _span(self) -> Iterator[Span]:
        set_current_caller(self._caller)
        method = self._method.lstrip("/")
        carrier = {key: value for key, value in self._metadata.items() if isinstance(value, str)}
        with _tracer.start_as_current_span(
            method,
            context=_traceparent.extract(carrier),
            kind=SpanKind.SERVER,
            attributes={"rpc.system.name": "grpc", "rpc.method": method},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield span

    def _refusal(self, error: Exception) -> Refusal:
        if isinstance(error, Refusal):
            return error
        if isinstance(error, DatabaseUnavailable):
            return Refusal(
                Reason.DATABASE_UNAVAILABLE,
                "The database cannot be reached. Repeat the request with the same request_id.",
                retry_after=timedelta(seconds=self._settings.unavailable_retry_s),
            )
        return Refusal(
            Reason.INTERNAL, "Something went wrong in the broker; its log has the details."
        )


class _Call:
    """How a call ended: its status code, the reason, and the type of an unexpected error."""

    def __init__(self, method: str) -> None:
        self.code = grpc.StatusCode.OK
        self.reason = ""
        self.failure = ""
        self._method = method

    async def end(self, context: Context, refusal: Refusal, error: Exception) -> NoReturn:
        """End the call with the refusal's status. `error`: what was raised."""
        self.code, self.reason = refusal.code, refusal.reason.value
        if refusal.reason is Reason.INTERNAL:
            _logger.error("call_failed", method=self._method, exc_info=error)
            self.failure = type(error).__name__
        await context.abort(refusal.code, refusal.message, trailing_details(refusal))


async def _send(replies: Replies, context: Context) -> None:
    """Send what a method yields, and end the method with its call; or let it send by itself."""
    if isinstance(replies, Awaitable):
        await replies
        return
    async with aclosing(replies):
        async for reply in replies:
            await context.write(reply)


@contextmanager
def _measured(method: str, caller: Caller, span: Span) -> Iterator[_Call]:
    started = time.monotonic()
    call = _Call(method)
    try:
        yield call
    except (asyncio.CancelledError, GeneratorExit):
        call.code = grpc.StatusCode.CANCELLED
        raise
    finally:
        seconds = time.monotonic() - started
        name = method.rpartition("/")[2]
        metrics.RPCS.labels(name, call.code.name).inc()
        metrics.RPC_LATENCY.labels(name).observe(seconds)
        span.set_attribute("rpc.response.status_code", call.code.name)
        if call.code in _OUR_FAULT:
            span.set_attribute("error.type", call.code.name)
            span.set_status(Status(StatusCode.ERROR, call.failure or None))
        _logger.info(
            "call",
            method=method.lstrip("/"),
            caller=caller.name,
            code=call.code.name,
            reason=call.reason,
            duration_s=round(seconds, 4),
        )


def _wrapped(handler: Handler, served: _Served) -> Handler:
    """The handler with everything that happens around a call."""
    behaviour = served.stream(handler) if handler.response_streaming else served.unary(handler)
    return _maker_of(handler)(behaviour, None, handler.response_serializer)


def _message(handler: Handler, content: bytes) -> Any:
    """A request out of its bytes. Raises: Refusal (INVALID_REQUEST) when they are none."""
    if handler.request_deserializer is None:
        return content
    try:
        request = handler.request_deserializer(content)
    except Exception as error:
        raise Refusal(
            Reason.INVALID_REQUEST, "The request is no message of this method."
        ) from error
    check(control_characters(request))
    return request


def _refusing(method: str, handler: Handler, refusal: Refusal) -> Handler:
    """A handler that refuses without reading the request."""

    async def refuse(_requests: Any, context: Context) -> Any:
        metrics.RPCS.labels(method.rpartition("/")[2], refusal.code.name).inc()
        await context.abort(refusal.code, refusal.message, trailing_details(refusal))

    return _maker_of(handler)(refuse)


def _maker_of(handler: Handler) -> Callable[..., Handler]:
    """What makes a handler that starts with the headers and replies as this one does.

    No service here takes a stream and gives one reply.
    """
    if handler.response_streaming:
        return grpc.stream_stream_rpc_method_handler
    return grpc.stream_unary_rpc_method_handler


def current_trace_id() -> str:
    """The trace of the call that is being served, 32 hexadecimal digits; empty without one."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else ""


def name_command(command: str, station: str) -> None:
    """Say which command this call is about, in its span and in all its lines of the log."""
    structlog.contextvars.bind_contextvars(command=command, station=station)
    span = trace.get_current_span()
    span.set_attribute("evcommand.command", command)
    span.set_attribute("evcommand.station", station)
