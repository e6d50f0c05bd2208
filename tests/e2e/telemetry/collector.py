"""An OTLP collector on loopback that keeps what it gets, and one that never answers."""

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

WAIT_S = 20.0


class Collector(TraceServiceServicer):
    """`exports`: every request that arrived, as it was sent."""

    def __init__(self) -> None:
        self.port = 0
        self.exports: list[ExportTraceServiceRequest] = []
        self._news = threading.Condition()

    def Export(  # noqa: N802
        self, request: ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> ExportTraceServiceResponse:
        """See opentelemetry-proto."""
        with self._news:
            self.exports.append(request)
            self._news.notify_all()
        return ExportTraceServiceResponse()

    @property
    def endpoint(self) -> str:
        """For OTEL_EXPORTER_OTLP_ENDPOINT."""
        return f"http://127.0.0.1:{self.port}"

    def spans(self) -> list[Span]:
        """Every span of every process so far."""
        return [
            span
            for export in list(self.exports)
            for resource in export.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def services_of(self, trace_id: str) -> set[str]:
        """The services that have spans in a trace."""
        return {
            attribute.value.string_value
            for export in list(self.exports)
            for resource in export.resource_spans
            for attribute in resource.resource.attributes
            if attribute.key == "service.name"
            and any(
                span.trace_id.hex() == trace_id
                for scope in resource.scope_spans
                for span in scope.spans
            )
        }

    def until(self, holds: Callable[[list[Span]], bool]) -> list[Span]:
        """Waits until it holds of the spans that arrived; returns them. Blocks: call in a thread.

        Returns what there is when the deadline comes, so that the test shows what is missing.
        """
        with self._news:
            self._news.wait_for(lambda: holds(self.spans()), WAIT_S)
        return self.spans()


@contextmanager
def running_collector() -> Iterator[Collector]:
    """A collector that takes everything."""
    collector = Collector()
    server = grpc.server(ThreadPoolExecutor(4))
    add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]
    collector.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield collector
    finally:
        server.stop(grace=1).wait()


@contextmanager
def silent_collector() -> Iterator[str]:
    """The endpoint of a collector that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
