"""What holds for every test."""

import os

import psutil
import pytest
from hypothesis import settings
from xdist.remote import Producer

from tests.support.servers import prepare
from tests.support.side_by_side import ByServer

# A wall clock is no judge of an example on a shared machine: the first one pays for compilation.
settings.register_profile("evcommand", deadline=None)
settings.load_profile("evcommand")

# Tests start processes while gRPC runs here. gRPC's fork handlers would start threads in the child
# between fork and exec, and some children would die of it. Read when grpc is imported.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than cores: the long tests wait for processes more than they compute."""
    return (psutil.cpu_count() or 1) + 1


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByServer:
    """Shares the tests out by the servers that they use."""
    return ByServer(config, log)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Has the servers ready that the chosen tests start."""
    if not session.config.option.collectonly:
        prepare(session.items)
