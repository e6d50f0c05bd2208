"""What holds for every test."""

import gc
import os
from collections.abc import Generator

import psutil
import pytest
from hypothesis import is_hypothesis_test, settings
from xdist.remote import Producer

from tests.support.servers import prepare
from tests.support.side_by_side import ByServer, SharedServers, in_turn, share_of

# A wall clock is no judge of an example on a shared machine: the first one pays for compilation.
settings.register_profile("evcommand", deadline=None)
settings.load_profile("evcommand")

# Tests start processes while gRPC runs here. gRPC's fork handlers would start threads in the child
# between fork and exec, and some children would die of it. Read when grpc is imported.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"


MEASURED = (
    "tests/unit/domain/",
    "tests/unit/station_gateway/session/",
    "tests/unit/station_gateway/dialects/",
)
"""Whose tests have to reach every branch of the rooms that decide in pure code."""


def pytest_configure(config: pytest.Config) -> None:
    """Ends a folder's servers after its tests; hooks in this file miss what a session shares."""
    config.pluginmanager.register(SharedServers())


GC_THRESHOLDS = (10_000, 10, 10)
"""How seldom the garbage collector looks through what the tests made: see `pytest_collection`."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests whose coverage counts: what an example reaches by chance does not.

    Puts them into the order in which workers take them.
    """
    for item in items:
        chance = is_hypothesis_test(getattr(item, "obj", None))
        if not chance and item.nodeid.startswith(MEASURED):
            item.add_marker("measured")
    place = {share: at for at, share in enumerate(in_turn(item.nodeid for item in items))}
    items.sort(key=lambda item: place[share_of(item.nodeid)])


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """As many workers as cores for `-n logical`, where all compute.

    Three more for `-n auto`: the long tests wait for processes more than they compute.
    """
    cores = psutil.cpu_count() or 1
    return cores if config.option.numprocesses == "logical" else cores + 3


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByServer:
    """Shares the tests out by the servers that they use."""
    return ByServer(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Spares the garbage collector what is collected here: nearly all of it stays until the end.

    To look through it again and again took two fifths of a collection, and a tenth of the tests
    that only compute. What tests leave behind is looked for as ever, though after more objects.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
        gc.set_threshold(*GC_THRESHOLDS)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Has the servers ready that the chosen tests start."""
    if not session.config.option.collectonly:
        prepare(session.items)
