"""One system for all the charge points that others wrote."""

from collections.abc import Iterator

import pytest

from tests.e2e.foreign_system import System, running_system
from tests.support.processes import QUICK


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A running system that waits for seconds where it usually waits for half a minute."""
    with running_system(tmp_path_factory.mktemp("system"), environment=QUICK) as running:
        yield running
