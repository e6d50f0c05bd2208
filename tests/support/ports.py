"""Ports for servers that tests stop and start again, or whose port is known before they start.

The kernel may give the port of a stopped server to the next outgoing connection of any process, if
the port is in its range for those (from 32768 on Linux, from 49152 on macOS). These ports are below
that range. Each worker process has a share of its own: a port that was chosen and is not listened
on yet can be chosen by nobody else.
"""

import os
import socket
from itertools import count

_FIRST, _WORKERS, _EACH = 20_000, 16, 750

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_begin = _FIRST + _worker % _WORKERS * _EACH
_numbers = count(os.getpid() * 37)  # two runs at the same time hardly meet either


def steady_port() -> int:
    """A port of this machine that nobody listens on now, another one with each call."""
    for number in _numbers:
        port = _begin + number % _EACH
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("count() does not end")
