"""Ports for servers that tests stop and start again, or whose port is known before they start.

The kernel may give the port of a stopped server to the next outgoing connection of any process, if
the port is in its range for those (from 32768 on Linux, from 49152 on macOS). These ports are below
that range. Each process begins at another one, so that worker processes do not meet.
"""

import os
import socket
from itertools import count

_FIRST, _HOW_MANY = 20_000, 12_000

_numbers = count(os.getpid() * 37)


def steady_port() -> int:
    """A port of this machine that nobody listens on now, another one with each call."""
    for number in _numbers:
        port = _FIRST + number % _HOW_MANY
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("count() does not end")
