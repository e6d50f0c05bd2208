"""How the tests are shared out to the worker processes of pytest-xdist.

A worker takes whole files, because the tests of a file share servers: a Temporal server, a fleet of
processes, a PostgreSQL server. Some folders share one server that is expensive to start; such a
folder goes to one worker as a whole. Each worker starts its own servers, on its own ports and in
its own directories. In particular it has its own time-skipping Temporal server, because all
workflows on such a server share one clock.

Workers take the files in the order that `in_turn` makes: the end-to-end and the integration tests,
which wait more than they compute, with the simulation, which only computes, spread among them. So
the cores have work while the others wait. The small files of the unit tests are left for the end,
so that no worker waits long for the last one.
"""

from collections.abc import Iterable
from pathlib import PurePosixPath

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

SHARED_SERVERS = ("tests/e2e/telemetry", "tests/e2e/field", "tests/e2e/relayed")
"""Folders whose tests look at one and the same fleet, or at one and the same system."""


WAITING = ("tests/chaos/", "tests/e2e/", "tests/integration/")
COMPUTING = ("tests/simulation/",)
_WAITING_AT_ONCE = 3
"""So many shares that wait are taken before one that computes."""


class ByServer(LoadScopeScheduling):  # type: ignore[misc]
    """Gives the tests that share a server to one worker, in the order of the collection."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return share_of(nodeid)


def share_of(nodeid: str) -> str:
    """The file or the folder that goes to one worker together with this test."""
    file = PurePosixPath(nodeid.partition("::")[0])
    return next((each for each in SHARED_SERVERS if file.is_relative_to(each)), str(file))


def in_turn(nodeids: Iterable[str]) -> list[str]:
    """The shares of these tests in the order in which workers take them."""
    shares = dict.fromkeys(map(share_of, nodeids))
    computing = [share for share in shares if share.startswith(COMPUTING)]
    waiting = [share for share in shares if f"{share}/".startswith(WAITING)]
    mixed: list[str] = []
    for place, share in enumerate(waiting, 1):
        mixed.append(share)
        if computing and place % _WAITING_AT_ONCE == 0:
            mixed.append(computing.pop(0))
    taken = {*mixed, *computing}
    return [*mixed, *computing, *(share for share in shares if share not in taken)]
