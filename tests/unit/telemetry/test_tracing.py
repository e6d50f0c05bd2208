"""Spans are exported in the background; lost spans are counted; nothing waits."""

import threading
from collections.abc import Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from telemetry.metrics import DROPPED_SPANS
from telemetry.tracing import BoundedSpans, Tracing


class StuckCollector(SpanExporter):
    """Takes a batch and does not return until it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.let_go.wait(30)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        self.let_go.set()


class RefusingCollector(SpanExporter):
    """Takes nothing."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """Nothing to do."""


def dropped(reason: str) -> float:
    value: float = DROPPED_SPANS.labels(reason)._value.get()
    return value


def tracing_to(exporter: SpanExporter, *, max_queued: int = 64) -> tuple[Tracing, TracerProvider]:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BoundedSpans(exporter, max_queued=max_queued))
    return Tracing(provider), provider


def make_spans(provider: TracerProvider, count: int) -> None:
    for number in range(count):
        provider.get_tracer("test").start_span(f"span {number}").end()


def test_spans_reach_the_collector_when_the_process_ends() -> None:
    collector = InMemorySpanExporter()
    tracing, provider = tracing_to(collector)
    make_spans(provider, 3)
    tracing.close()
    assert len(collector.get_finished_spans()) == 3


@pytest.mark.timeout(20)
def test_a_stuck_collector_costs_spans_that_are_counted_and_no_time() -> None:
    before = dropped("queue_full")
    tracing, provider = tracing_to(collector := StuckCollector(), max_queued=8)
    make_spans(provider, 100)
    assert dropped("queue_full") == before + 92
    tracing.close(timeout_s=0.1)
    collector.let_go.set()


def test_spans_that_the_collector_refuses_are_counted() -> None:
    before = dropped("not_exported")
    tracing, provider = tracing_to(RefusingCollector())
    make_spans(provider, 5)
    tracing.close()
    assert dropped("not_exported") == before + 5
