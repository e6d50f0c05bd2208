"""The Prometheus endpoint of a process: `GET /metrics` in a thread of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import start_http_server


@contextmanager
def serving_metrics(host: str, port: int) -> Iterator[int]:
    """Serves the metrics of this process until the block is left. Yields the port.

    port: 0 takes a free one.

    Raises: OSError when the address cannot be used.
    """
    server, thread = start_http_server(port, addr=host)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
