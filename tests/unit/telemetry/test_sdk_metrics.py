"""The SDK's page is shown on our endpoint, with labels that have few values."""

import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client.parser import text_string_to_metric_families

from telemetry.metrics import COMMANDS
from telemetry.metrics_server import serving_metrics
from telemetry.sdk_metrics import bounded, sdk_metrics_shown

OURS = f"{next(iter(COMMANDS.describe())).name}_total"

PAGE = """\
# HELP temporal_request_total Count of client request successes by rpc name
# TYPE temporal_request_total counter
temporal_request_total{namespace="default",operation="Poll",task_queue="gateway:1a2b"} 2
temporal_request_total{namespace="other",operation="Poll",task_queue="gateway:3c4d"} 3
temporal_request_total{namespace="default",operation="Start",task_queue="evcommand-commands"} 1
# HELP temporal_poll_seconds Time of a poll
# TYPE temporal_poll_seconds histogram
temporal_poll_seconds_bucket{operation="Poll",run_id="r1",le="0.5"} 1
temporal_poll_seconds_bucket{operation="Poll",run_id="r1",le="+Inf"} 2
temporal_poll_seconds_bucket{operation="Poll",run_id="r2",le="0.5"} 4
temporal_poll_seconds_bucket{operation="Poll",run_id="r2",le="+Inf"} 4
temporal_poll_seconds_sum{operation="Poll",run_id="r1"} 1.5
temporal_poll_seconds_count{operation="Poll",run_id="r1"} 2
"""


@contextmanager
def sdk_page(text: str = PAGE, status: int = 200) -> Iterator[int]:
    """A page as the SDK serves it."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def scraped() -> str:
    with (
        serving_metrics("127.0.0.1", 0) as port,
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as reply,
    ):
        text: str = reply.read().decode()
        return text


def test_one_endpoint_shows_our_metrics_and_the_sdks() -> None:
    with sdk_page() as port, sdk_metrics_shown(port):
        text = scraped()
    assert OURS in text
    assert 'temporal_request_total{operation="Poll",task_queue="gateway"} 5.0' in text


def test_without_the_sdks_page_the_endpoint_has_only_ours() -> None:
    text = scraped()
    assert OURS in text
    assert "temporal_" not in text


def test_a_page_that_cannot_be_read_leaves_our_metrics_alone() -> None:
    with sdk_page() as port:
        pass
    with sdk_metrics_shown(port):
        assert OURS in scraped()
    for text, status in (("no", 500), ("temporal_broken{ 1\n", 200)):
        with sdk_page(text, status) as port, sdk_metrics_shown(port):
            assert OURS in scraped()


def test_series_that_differ_in_unbounded_labels_are_added_up() -> None:
    shown = list(bounded(text_string_to_metric_families(PAGE)))
    values = {(s.name, tuple(s.labels.items())): s.value for each in shown for s in each.samples}
    assert values == {
        ("temporal_request_total", (("operation", "Poll"), ("task_queue", "gateway"))): 5,
        (
            "temporal_request_total",
            (("operation", "Start"), ("task_queue", "evcommand-commands")),
        ): 1,
        ("temporal_poll_seconds_bucket", (("le", "0.5"), ("operation", "Poll"))): 5,
        ("temporal_poll_seconds_bucket", (("le", "+Inf"), ("operation", "Poll"))): 6,
        ("temporal_poll_seconds_sum", (("operation", "Poll"),)): 1.5,
        ("temporal_poll_seconds_count", (("operation", "Poll"),)): 2,
    }
