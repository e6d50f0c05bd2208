"""SQLite without its thread: a thread would make the order of a world depend on the machine."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

Job = tuple["asyncio.Future[Any] | None", Callable[[], Any]]


class _AtOnce:
    """Stands where aiosqlite hands jobs to its thread."""

    def put_nowait(self, job: Job) -> None:
        future, function = job
        try:
            result = function()
        except Exception as error:  # noqa: BLE001 - as aiosqlite: told to whoever waits
            if future is not None:
                future.set_exception(error)
        else:
            if future is not None:
                future.set_result(result)


class _NoThread:
    """Stands where aiosqlite starts a thread."""

    def __init__(self, **_: Any) -> None:
        self.daemon = True

    def start(self) -> None:
        """Nothing has to run."""

    def join(self, _timeout: float) -> None:
        """Nothing runs."""


@contextmanager
def sqlite_on_the_loop() -> Iterator[None]:
    """Connections opened inside of the block work on the loop."""
    with (
        mock.patch("aiosqlite.core.SimpleQueue", _AtOnce),
        mock.patch("aiosqlite.core.Thread", _NoThread),
    ):
        yield
