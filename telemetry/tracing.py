"""OpenTelemetry traces.

Trace ids always exist. Spans are sent to a collector when OTEL_EXPORTER_OTLP_ENDPOINT is set. A
collector that is slow, full or down costs spans, which are counted; it never delays a command.
OpenTelemetry's own environment variables apply: OTEL_TRACES_SAMPLER, OTEL_BSP_*,
OTEL_EXPORTER_OTLP_*, OTEL_RESOURCE_ATTRIBUTES.
"""

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from telemetry.metrics import DROPPED_SPANS

_traceparent = TraceContextTextMapPropagator()

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_QUEUED_SPANS = 4096
_BATCH_SPANS = 512


class Tracing:
    """The tracing of a process. Close it last, so that the drain is traced too."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider

    def close(self, timeout_s: float = 3.0) -> None:
        """Sends the queued spans. Returns after `timeout_s` even if the collector is dead."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(timeout_s)


def configure_tracing(process: str, *, exporter: SpanExporter | None = None) -> Tracing:
    """Sets the tracer provider of this process. Call it once per process.

    process: the service name is `evcommand-<process>`, unless OTEL_SERVICE_NAME is set.
    exporter: None takes the exporter that the environment variables ask for, or none.
    """
    resource = Resource.create({SERVICE_INSTANCE_ID: f"{os.uname().nodename}-{os.getpid()}"})
    if "OTEL_SERVICE_NAME" not in os.environ:
        resource = resource.merge(Resource({SERVICE_NAME: f"evcommand-{process}"}))
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    if exporter is None and any(os.environ.get(name) for name in _ENDPOINTS):
        exporter = _otlp_exporter()
    if exporter is not None:
        provider.add_span_processor(BoundedSpans(exporter))
    trace.set_tracer_provider(provider)
    return Tracing(provider)


def _otlp_exporter() -> SpanExporter:
    # A process without a collector does not load the exporter.
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()


def carried_trace() -> dict[str, str]:
    """What a call of ours carries to another process, so that its spans are of the same trace."""
    carrier: dict[str, str] = {}
    _traceparent.inject(carrier)
    return carrier


@contextmanager
def trace_carried_by(carrier: Mapping[str, str]) -> Iterator[None]:
    """Inside the block spans are of the trace that a call carried, if it carried one."""
    token = attach(_traceparent.extract(carrier))
    try:
        yield
    finally:
        detach(token)


class BoundedSpans(SpanProcessor):
    """Exports spans in batches from its own thread. Never waits; counts every lost span."""

    def __init__(self, exporter: SpanExporter, *, max_queued: int = _QUEUED_SPANS) -> None:
        self._counted = _CountedExporter(exporter)
        self._max_queued = max_queued
        self._batches = BatchSpanProcessor(
            self._counted,
            max_queue_size=max_queued,
            max_export_batch_size=min(_BATCH_SPANS, max_queued),
        )

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Does nothing: only ended spans are exported."""

    def on_end(self, span: ReadableSpan) -> None:
        """Queues the span, or drops it when the queue is full."""
        if span.context is None or not span.context.trace_flags.sampled:
            return
        if self._counted.reserve(self._max_queued):
            self._batches.on_end(span)
        else:
            DROPPED_SPANS.labels("queue_full").inc()

    def shutdown(self) -> None:
        """Exports the queued spans and ends."""
        self._batches.shutdown()  # type: ignore[no-untyped-call]

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Exports the queued spans now."""
        return self._batches.force_flush(timeout_millis)


class _CountedExporter(SpanExporter):
    """Counts the spans that wait, and the spans that the collector did not take."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._waiting = 0
        self._lock = threading.Lock()

    def reserve(self, limit: int) -> bool:
        with self._lock:
            if self._waiting >= limit:
                return False
            self._waiting += 1
            return True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        try:
            result = self._exporter.export(spans)
        finally:
            with self._lock:
                self._waiting -= len(spans)
        if result is not SpanExportResult.SUCCESS:
            DROPPED_SPANS.labels("not_exported").inc(len(spans))
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()
