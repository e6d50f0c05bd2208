"""The Prometheus endpoint."""

import urllib.request

from telemetry.metrics_server import serving_metrics


def test_metrics_are_served_on_the_asked_address() -> None:
    with (
        serving_metrics("127.0.0.1", 0) as port,
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as reply,
    ):
        assert b"evcommand_commands_total" in reply.read()
