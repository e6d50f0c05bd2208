"""The Prometheus endpoint, and what it says about the process itself."""

import asyncio
import http.client
import socket
import struct
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack

import pytest

import telemetry.metrics  # noqa: F401  what is served
from telemetry.health import Health
from telemetry.metrics_server import MOST_CONNECTIONS, serving_metrics


def test_metrics_are_served_on_the_asked_address() -> None:
    with (
        serving_metrics("127.0.0.1", 0) as port,
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as reply,
    ):
        assert b"evcommand_commands_total" in reply.read()


def asked(port: int, path: str, token: str = "") -> tuple[int, str]:
    """The status and the text of the reply."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connection.request("GET", path, headers=headers)
        reply = connection.getresponse()
        return reply.status, reply.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize("token", ["", "wrong", "r\u00e9ponse"])
def test_metrics_with_a_token_are_shown_to_nobody_else(token: str) -> None:
    with serving_metrics("127.0.0.1", 0, token="right") as port:
        status, page = asked(port, "/metrics", token)
        assert (status, "evcommand_" in page) == (401, False)
        assert asked(port, "/metrics", "right")[0] == 200


def test_another_path_shows_no_metrics() -> None:
    with serving_metrics("127.0.0.1", 0) as port:
        assert asked(port, "/")[0] == 404


async def test_a_process_that_starts_or_drains_lives_and_is_not_ready() -> None:
    health = Health(asyncio.get_running_loop())
    with serving_metrics("127.0.0.1", 0, token="right", health=health) as port:

        async def statuses() -> tuple[int, int]:
            live = await asyncio.to_thread(asked, port, "/live")
            ready = await asyncio.to_thread(asked, port, "/ready")
            return live[0], ready[0]

        assert await statuses() == (200, 503)
        with health.serving():
            assert await statuses() == (200, 200)
        assert await statuses() == (200, 503)


async def test_a_process_whose_event_loop_hangs_is_neither_alive_nor_ready() -> None:
    health = Health(asyncio.get_running_loop(), limit_s=0.05)
    with serving_metrics("127.0.0.1", 0, health=health) as port, health.serving():
        # Asked from the loop's own thread: the loop does not get round to anything else.
        assert asked(port, "/live")[0] == 503
        assert asked(port, "/ready")[0] == 503


def test_a_process_whose_event_loop_is_closed_is_not_alive() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    assert not Health(loop).alive()


HALF_A_REQUEST = b"GET /metrics HTTP/1.1\r\nX-Slow: "


def test_connections_that_are_held_take_few_threads_and_no_place_of_a_scrape(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As if they sent a byte now and then: no silence ends them.
    monkeypatch.setattr("telemetry.metrics_server._Handler.timeout", 600.0)
    with serving_metrics("127.0.0.1", 0) as port, ExitStack() as stack:
        held = []
        for _ in range(MOST_CONNECTIONS * 2):
            held.append(stack.enter_context(socket.create_connection(("127.0.0.1", port), 5)))
            held[-1].sendall(HALF_A_REQUEST)
        assert asked(port, "/metrics")[0] == 200
        cut = held[:MOST_CONNECTIONS]
        assert {each.recv(1) for each in cut} == {b""}
        until(lambda: len(served()) <= MOST_CONNECTIONS + 1)


def test_a_connection_that_is_reset_writes_nothing_past_the_log(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with serving_metrics("127.0.0.1", 0) as port:
        with socket.create_connection(("127.0.0.1", port), 5) as stranger:
            stranger.sendall(HALF_A_REQUEST)
            until(lambda: len(served()) == 1)
            stranger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        until(lambda: not served())
    said = "".join(capfd.readouterr())  # a thread of another test may log meanwhile
    assert "Exception" not in said
    assert "Traceback" not in said


def served() -> list[threading.Thread]:
    """The threads of connections."""
    return [each for each in threading.enumerate() if "process_request_thread" in each.name]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
