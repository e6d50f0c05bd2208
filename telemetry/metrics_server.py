"""The HTTP endpoint of a process, in threads of its own: its metrics, and whether it is well.

`/metrics` is for Prometheus, and may ask for a bearer token. `/live` and `/ready` are for probes;
they say no more than yes (200) or no (503), to anybody.
"""

import hmac
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from socket import AF_INET6, SHUT_RDWR, socket
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import structlog
from prometheus_client import make_wsgi_app

from telemetry.health import Health

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

_REQUEST_S = 10.0
"""A connection that says nothing for so long is closed."""

MOST_CONNECTIONS = 64
"""How many connections are served at once, each by a thread. One more cuts the oldest: a scrape or
a probe takes milliseconds, so that one is of somebody who wants to hold it."""

_logger = structlog.get_logger(__name__)


@contextmanager
def serving_metrics(
    host: str, port: int, *, token: str = "", health: Health | None = None
) -> Iterator[int]:
    """Serves the metrics and the health of this process until the block is left. Yields the port.

    port: 0 takes a free one. token: who scrapes `/metrics` must show it; empty: nobody need.
    health: without it the process is not alive, and not ready.

    Raises: OSError when the address cannot be used.
    """
    kind = _ServerV6 if ":" in host else _Server
    server = make_server(host, port, _app(token.encode(), health), kind, _Handler)
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lock = threading.Lock()
        self._served: dict[int, socket] = {}

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve one more connection, and cut the oldest when there are too many."""
        oldest = None
        with self._lock:
            self._served[id(request)] = request
            if len(self._served) > MOST_CONNECTIONS:
                oldest = self._served.pop(next(iter(self._served)))
        if oldest is not None:
            with suppress(OSError):  # it has just ended
                oldest.shutdown(SHUT_RDWR)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """See socketserver.BaseServer: a connection ends."""
        with self._lock:
            self._served.pop(id(request), None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  its signature
        """Not a stack on standard error, past the log, for each connection that is reset."""
        if not isinstance(sys.exception(), OSError):
            _logger.exception("metrics_request_failed")


class _ServerV6(_Server):
    address_family = AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = _REQUEST_S

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a line for each probe would hide the others."""


def _app(token: bytes, health: Health | None) -> "WSGIApplication":
    scrape = make_wsgi_app()
    probes: dict[str, Callable[[], bool]] = {}
    if health is not None:
        probes = {"/live": health.alive, "/ready": health.ready}

    def app(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path in probes:
            return _said(
                start_response,
                HTTPStatus.OK if probes[path]() else HTTPStatus.SERVICE_UNAVAILABLE,
            )
        if path != "/metrics":
            return _said(start_response, HTTPStatus.NOT_FOUND)
        if not _shows(environ, token):
            return _said(start_response, HTTPStatus.UNAUTHORIZED, ("WWW-Authenticate", "Bearer"))
        page: Iterable[bytes] = scrape(environ, start_response)
        return page

    return app


def _shows(environ: dict[str, Any], token: bytes) -> bool:
    """Whether a request shows the token, compared in constant time."""
    shown = environ.get("HTTP_AUTHORIZATION", "").encode("utf-8", "replace")
    return not token or hmac.compare_digest(shown, b"Bearer " + token)


def _said(
    start_response: "StartResponse", status: HTTPStatus, *headers: tuple[str, str]
) -> Iterable[bytes]:
    line = f"{status.value} {status.phrase}"
    start_response(line, [("Content-Type", "text/plain"), *headers])
    return [f"{line}\n".encode()]
