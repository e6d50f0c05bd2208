"""Real evcommand processes that are forked from one that has loaded the product already.

Loading takes most of a process's start, and tests that kill processes start hundreds. A child is a
process of its own like any other: its own id, environment, working directory and log, its own
threads and sockets, and the same command line (`entrypoints.cli`). Only what was loaded is shared.

`preloaded()` gives the parent of this test process; `Parent.start` forks a child of it. Between the
two goes one JSON object a line, each answered by one.
"""

import ctypes
import functools
import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from entrypoints import cli
from entrypoints.temporal.child_process import die_with_parent

CLOCK_FILE = "CLOCK_FILE"
"""In the environment of a child: the file by which its clock is set (tests.chaos.clocks)."""

_LOOK_S = 0.01
_END_S = 10
_LOADED = (
    "entrypoints.commands.serve",
    "entrypoints.commands.station",
    "entrypoints.commands.up",
    "entrypoints.roles.broker",
    "entrypoints.roles.gateway",
    "entrypoints.roles.worker",
)


class Child:
    """One process, with the methods of `subprocess.Popen` that tests use."""

    def __init__(self, parent: "Parent", pid: int) -> None:
        self.pid = pid
        self._parent = parent
        self._code: int | None = None

    def poll(self) -> int | None:
        """Its exit code, minus the number of the signal that killed it; None while it runs."""
        if self._code is None:
            self._code = self._parent.ask(end=self.pid)
        return self._code

    def wait(self, timeout: float) -> int:
        """Wait for its end. Raises: subprocess.TimeoutExpired after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("evcommand", timeout)
            time.sleep(_LOOK_S)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal while it runs. Its id is its own until its end was read."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Send it SIGKILL."""
        self.send_signal(signal.SIGKILL)


class Parent:
    """The process that has loaded the product; it lives as long as the test process.

    environment: what it has beside the test process's own.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.preloaded", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                env={**os.environ, **(environment or {})},
                preexec_fn=die_with_parent(),
            )
        self._socket = ours
        self._lines = ours.makefile("rb")
        self._turn = threading.Lock()

    def start(self, *arguments: str, home: Path, env: Mapping[str, str], log: Path) -> Child:
        """Run `evcommand` with the arguments, in `home`; what it writes is appended to `log`."""
        request = {"args": arguments, "home": str(home), "env": dict(env), "log": str(log)}
        pid = self.ask(start=request)
        assert pid is not None
        return Child(self, pid)

    def close(self) -> None:
        """End it; its children end with it."""
        self._lines.close()
        self._socket.close()
        self._process.wait(_END_S)

    def ask(self, **request: Any) -> int | None:
        """Send one request and return its answer. Raises: json.JSONDecodeError when it is dead."""
        with self._turn:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
            answer: int | None = json.loads(self._lines.readline())
        return answer


@functools.cache
def preloaded() -> Parent:
    """The parent of this test process, started at its first use."""
    return Parent()


def _serve(requests: socket.socket) -> dict[str, Any] | None:
    """Answer requests. Returns what to run in a child, None in the parent when it is done."""
    ask_for_death_signal = die_with_parent()
    for line in requests.makefile("rb"):
        request = json.loads(line)
        if "end" in request:
            pid, status = os.waitpid(request["end"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        else:
            answer = os.fork()
            if answer == 0:
                requests.close()
                if ask_for_death_signal is not None:
                    ask_for_death_signal()
                return dict(request["start"])
        requests.sendall(json.dumps(answer).encode() + b"\n")
    return None


def _become(home: str, env: dict[str, str], log: str) -> None:
    """Give this process what `subprocess.Popen` would have given it."""
    os.environ.clear()
    os.environ.update(env)
    os.chdir(home)
    if CLOCK_FILE in env:
        assert ctypes.CDLL(None).follow_clock(env[CLOCK_FILE].encode()) == 0
    silence = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for descriptor, source in enumerate((silence, output, output)):
        os.dup2(source, descriptor)
    os.close(silence)
    os.close(output)


def _main() -> None:
    for module in _LOADED:
        importlib.import_module(module)
    gc.freeze()  # a child need not visit what it shares
    child = _serve(socket.socket(fileno=int(sys.argv[1])))
    if child is not None:
        arguments = child.pop("args")
        _become(**child)
        cli.main(arguments, prog_name="evcommand")


if __name__ == "__main__":
    _main()
