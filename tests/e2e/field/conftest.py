"""One running system for the stations of this folder that need no settings of their own."""

from collections.abc import Iterator

import pytest

from tests.e2e.foreign_system import System, running_system


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Everything, as `evcommand up --open` runs it; each test has its own stations."""
    with running_system(tmp_path_factory.mktemp("system")) as running:
        yield running
