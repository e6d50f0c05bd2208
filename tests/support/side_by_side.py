"""How the tests are shared out to the worker processes of pytest-xdist.

A worker takes whole files, because the tests of a file share servers: a Temporal server, a fleet of
processes, a PostgreSQL server. Some folders share one server that is expensive to start; such a
folder goes to one worker as a whole. Each worker starts its own servers, on its own ports and in
its own directories. In particular it has its own time-skipping Temporal server, because all
workflows on such a server share one clock.

Workers take the files in the order that `in_turn` makes: the end-to-end tests first, which take the
longest and wait most, with the simulation, which only computes, spread evenly among them; then the
integration tests with half of the unit tests. So the cores have work while the others wait. The
other half of the unit tests, in small files, is left for the end, so that no worker waits long for
the last one.
"""

from collections.abc import Generator, Iterable
from pathlib import PurePosixPath
from typing import Any

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

SHARED_SERVERS = ("tests/e2e/telemetry", "tests/e2e/field", "tests/e2e/relayed")
"""Folders whose tests look at one and the same fleet, or at one and the same system."""


LONG = ("tests/chaos/", "tests/e2e/")
WAITING = "tests/integration/"
SIMULATION = "tests/simulation/"
_IN_BLOCKS = "tests/simulation/test_no_lies.py"
"""Its tests share nothing and take seconds each: each of them is a share."""


class ByServer(LoadScopeScheduling):  # type: ignore[misc]
    """Gives the tests that share a server to one worker, in the order of the collection."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return share_of(nodeid)


def share_of(nodeid: str) -> str:
    """The file or the folder that goes to one worker together with this test."""
    if nodeid.startswith(_IN_BLOCKS):
        return nodeid
    file = PurePosixPath(nodeid.partition("::")[0])
    return next((each for each in SHARED_SERVERS if file.is_relative_to(each)), str(file))


class SharedServers:
    """A plugin that ends the servers of a folder after the last of its tests.

    They would live until the end of the run: idle, each still takes a thirtieth of a core.
    """

    def __init__(self) -> None:
        self._running: list[tuple[pytest.FixtureDef[Any], pytest.FixtureRequest]] = []

    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> None:
        """Remembers what the tests of a folder share. Others set it up."""
        if fixturedef.baseid in SHARED_SERVERS and fixturedef.scope in {"package", "session"}:
            self._running.append((fixturedef, request))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, object, object]:
        """Ends it when none of these tests is left."""
        try:
            return (yield)
        finally:
            if nextitem and (folder := folder_left(item.nodeid, nextitem.nodeid)):
                self._end(folder)

    def _end(self, folder: str) -> None:
        for fixture, request in reversed(self._running):
            if fixture.baseid == folder:
                fixture.finish(request)
        self._running = [each for each in self._running if each[0].baseid != folder]


def folder_left(nodeid: str, next_nodeid: str) -> str | None:
    """The folder with shared servers that has this test and not the next one."""
    share = share_of(nodeid)
    return share if share in SHARED_SERVERS and share_of(next_nodeid) != share else None


def in_turn(nodeids: Iterable[str]) -> list[str]:
    """The shares of these tests in the order in which workers take them."""
    shares = dict.fromkeys(map(share_of, nodeids))
    long = [share for share in shares if f"{share}/".startswith(LONG)]
    waiting = [share for share in shares if share.startswith(WAITING)]
    simulated = [share for share in shares if share.startswith(SIMULATION)]
    small = [share for share in shares if share not in {*long, *waiting, *simulated}]
    half = len(small) // 2 if waiting else 0
    return [*_spread(simulated, long), *_spread(small[:half], waiting), *small[half:]]


def _spread(some: list[str], others: list[str]) -> list[str]:
    """Both lists in their order, each spread evenly over the whole."""
    place = {
        share: (at + 0.5) / len(each) for each in (others, some) for at, share in enumerate(each)
    }
    return sorted(place, key=place.__getitem__)
