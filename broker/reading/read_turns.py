"""Reads take turns: of one tenant a few are made at once, the others of that tenant wait.

All calls share one thread. A tenant that asks for a hundred long pages at once would have everybody
wait until the last of them is made, the start of another tenant's session too. Its own calls are
no slower for it: more at once would not be made faster.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio

from broker.access.rights import changes_something
from broker.auth import current_caller, is_open

Handler = Any  # grpc.RpcMethodHandler, whose stub knows only synchronous methods


@dataclass
class _Turns:
    places: asyncio.Semaphore
    asked: int = 0


class ReadTurns(grpc.aio.ServerInterceptor):
    """Has methods with one reply that only tell something wait for a turn of their tenant.

    at_once: how many a tenant has; 0: nobody waits. It has to come after what says who calls
    (`broker.calls`). Callers without a credential have no turns.
    """

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._turns: dict[str, _Turns] = {}

    @property
    def tenants(self) -> int:
        """Of how many tenants turns are kept."""
        return len(self._turns)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """See grpc.aio.ServerInterceptor."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or handler.unary_unary is None:
            return handler
        if is_open(method) or changes_something(method):
            return handler

        async def serve(request: Any, context: Any) -> Any:
            caller = current_caller()
            if not caller.name or self._at_once < 1:
                return await handler.unary_unary(request, context)
            async with self.turn(caller.tenant):
                return await handler.unary_unary(request, context)

        return grpc.unary_unary_rpc_method_handler(
            serve, handler.request_deserializer, handler.response_serializer
        )

    @asynccontextmanager
    async def turn(self, tenant: str) -> AsyncIterator[None]:
        """A turn of this tenant while the context is open."""
        turns = self._turns.setdefault(tenant, _Turns(asyncio.Semaphore(self._at_once)))
        turns.asked += 1
        try:
            async with turns.places:
                yield
        finally:
            turns.asked -= 1
            if not turns.asked:
                del self._turns[tenant]
