"""The standard health service (grpc.health.v1): serving until the broker drains.

An unknown service is NOT_FOUND for Check. For Watch it is a state like the others: the stream stays
open. Watch ends when the broker drains, after NOT_SERVING was told, so that no watcher of health
delays a shutdown.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from datetime import timedelta

import grpc
from grpc_health.v1 import health_pb2 as pb

from broker.calls import Context
from broker.errors import Reason, Refusal
from broker.reading.open_watches import OpenWatches

SERVICE = str(pb.DESCRIPTOR.services_by_name["Health"].full_name)

_RETRY = timedelta(seconds=1)


class HealthServicer:
    """Tells whether the services serve. The empty name stands for the whole broker.

    draining: set when the broker serves no longer. most: how many Watch streams may be open.
    """

    def __init__(self, services: Iterable[str], draining: asyncio.Event, most: int) -> None:
        self._services = frozenset({"", SERVICE, *services})
        self._draining = draining
        self._watches = OpenWatches(most)

    async def Check(
        self, request: pb.HealthCheckRequest, context: Context
    ) -> pb.HealthCheckResponse:
        """Tells the state of a service. NOT_FOUND when this broker does not know it."""
        state = self._state(request.service)
        if state == pb.HealthCheckResponse.SERVICE_UNKNOWN:
            await context.abort(grpc.StatusCode.NOT_FOUND, "This broker has no such service.")
        return pb.HealthCheckResponse(status=state)

    async def List(self, request: pb.HealthListRequest, context: Context) -> pb.HealthListResponse:
        """Tells the state of every service."""
        states = {name: pb.HealthCheckResponse(status=self._state(name)) for name in self._services}
        return pb.HealthListResponse(statuses=states)

    async def Watch(
        self, request: pb.HealthCheckRequest, context: Context
    ) -> AsyncGenerator[pb.HealthCheckResponse, None]:
        """Tells the state of a service now, and when it changes. Ends only with the broker."""
        with self._watches.one_more():
            told = self._state(request.service)
            yield pb.HealthCheckResponse(status=told)
            await self._draining.wait()
            if (state := self._state(request.service)) != told:
                yield pb.HealthCheckResponse(status=state)
        raise Refusal(
            Reason.SHUTTING_DOWN, "This broker is shutting down. Watch again.", retry_after=_RETRY
        )

    def _state(self, service: str) -> pb.HealthCheckResponse.ServingStatus:
        if service not in self._services:
            return pb.HealthCheckResponse.SERVICE_UNKNOWN
        if self._draining.is_set():
            return pb.HealthCheckResponse.NOT_SERVING
        return pb.HealthCheckResponse.SERVING
