"""One system for all the clients in other languages."""

from collections.abc import Iterator

import pytest

from tests.e2e.foreign_system import System, running_system


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A running system; stations of any id may connect."""
    with running_system(tmp_path_factory.mktemp("system")) as running:
        yield running
