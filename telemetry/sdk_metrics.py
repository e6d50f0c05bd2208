"""The metrics of Temporal's SDK, as a part of this process's own endpoint.

The SDK counts in its own runtime and serves a page on a loopback port. Who scrapes our endpoint
gets that page too: it is read then, and at no other time. A page that cannot be read leaves our own
metrics alone.
"""

import http.client
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import structlog
from prometheus_client import REGISTRY, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

_TIMEOUT_S = 2.0

_LABELS = frozenset(
    {
        *("activity_type", "eager", "failure_reason", "le", "operation", "poller_type"),
        *("status_code", "task_queue", "worker_type", "workflow_type"),
    }
)
"""What tells one series from another. Series that differ in other labels only are added up."""

_GATEWAY_QUEUE = "gateway:"

_log = structlog.get_logger(__name__)


class SdkMetrics(Collector):
    """Reads the SDK's page whenever the endpoint is scraped. port: of the page, on 127.0.0.1."""

    def __init__(self, port: int) -> None:
        self._port = port

    def describe(self) -> Iterable[Metric]:
        """Nothing: the names are the SDK's, and none of them is one of ours."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The SDK's metrics as they are now; none when its page cannot be read."""
        try:
            page = self._read()
        except (OSError, http.client.HTTPException, ValueError) as error:
            _log.warning("sdk_metrics_unreadable", why=str(error))
            return
        yield from bounded(page)

    def _read(self) -> list[Metric]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_S)
        try:
            connection.request("GET", "/metrics")
            reply = connection.getresponse()
            text = reply.read().decode()
        finally:
            connection.close()
        if reply.status != http.HTTPStatus.OK:
            raise http.client.HTTPException(f"status {reply.status}")
        return list(text_string_to_metric_families(text))


@contextmanager
def sdk_metrics_shown(port: int) -> Iterator[None]:
    """Adds the page on this loopback port to the endpoint until the block is left."""
    collector = SdkMetrics(port)
    REGISTRY.register(collector)
    try:
        yield
    finally:
        REGISTRY.unregister(collector)


def bounded(families: Iterable[Metric]) -> Iterator[Metric]:
    """The same metrics without what nobody bounds: the ids of gateways, labels not known here."""
    for family in families:
        sums: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        for sample in family.samples:
            key = sample.name, tuple(_bounded_labels(sample.labels))
            sums[key] = sums.get(key, 0.0) + sample.value
        shown = Metric(family.name, family.documentation, family.type)
        for (name, labels), value in sums.items():
            shown.add_sample(name, dict(labels), value)
        yield shown


def _bounded_labels(labels: dict[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in sorted(labels.items()):
        if name in _LABELS:
            yield name, "gateway" if value.startswith(_GATEWAY_QUEUE) else value
