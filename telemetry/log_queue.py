"""A bounded queue of log lines and the thread that writes them.

A pipe holds 64 KiB. When nobody reads it, a write waits for ever, and an event loop that writes its
own log waits with it. So the lines wait here, up to a number of bytes. Beyond it they are dropped
and counted, and a line tells how many when the reader reads again.
"""

import os
import select
import threading
from collections.abc import Callable

from telemetry.metrics import DROPPED_LOGS

_WRITE_BYTES = 64 * 1024
_GATHER_S = 0.02
"""How long lines gather before the thread writes them: to wake it for each costs more than a line
itself, and takes the interpreter from whoever logs."""


class LogQueue:
    """Writes lines to a file descriptor from a thread of its own.

    descriptor: a duplicate of the one that was given; `close` closes it.
    """

    def __init__(self, descriptor: int, *, limit_bytes: int, notice: Callable[[int], str]) -> None:
        """limit_bytes: of lines that are not written yet. notice: tells how many were dropped."""
        self.descriptor = os.dup(descriptor)
        self._limit_bytes = limit_bytes
        self._notice = notice
        self._changed = threading.Condition()
        self._lines: list[bytes] = []
        self._held_bytes = 0
        self._dropped = 0
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def put(self, line: str) -> None:
        """Queues one line, without its end. Never waits for the reader of the log."""
        data = line.encode("utf-8", "backslashreplace") + b"\n"
        with self._changed:
            if self._closed or self._held_bytes + len(data) > self._limit_bytes:
                self._dropped += 1
                DROPPED_LOGS.inc()
                return
            self._lines.append(data)
            self._held_bytes += len(data)
            if len(self._lines) == 1:
                self._changed.notify_all()

    def close(self, timeout_s: float) -> bool:
        """Takes no more lines and waits for those that are queued. Whether all are written."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while lines := self._take():
            while lines:
                lines = self._write_some(lines)
        os.close(self.descriptor)

    def _take(self) -> list[bytes]:
        """Waits for lines. None of them are left once the queue is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._closed)
            self._changed.wait_for(lambda: self._closed, _GATHER_S)
            lines, self._lines = self._lines, []
            if self._dropped and lines:
                lines.append(self._notice(self._dropped).encode() + b"\n")
                self._held_bytes += len(lines[-1])
                self._dropped = 0
            return lines

    def _write_some(self, lines: list[bytes]) -> list[bytes]:
        """Writes the first lines, as many as go into one write. Returns the rest."""
        count, size = 0, 0
        while count < len(lines) and (not count or size + len(lines[count]) <= _WRITE_BYTES):
            size += len(lines[count])
            count += 1
        try:
            _write_all(self.descriptor, b"".join(lines[:count]))
        except OSError:
            DROPPED_LOGS.inc(count)
        with self._changed:
            self._held_bytes -= size
        return lines[count:]


def _write_all(descriptor: int, data: bytes) -> None:
    """Writes all of it, also to a descriptor that another process made non-blocking.

    Raises:
        OSError: the disk is full, or the reader closed the pipe.
    """
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            writable = select.poll()
            writable.register(descriptor, select.POLLOUT)
            writable.poll()
