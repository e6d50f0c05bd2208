"""The running systems for the stations of this folder that need no settings of their own."""

from collections.abc import Iterator

import pytest

from tests.e2e.foreign_system import System, running_system


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Everything, as `evcommand up --open` runs it; each test has its own stations."""
    with running_system(tmp_path_factory.mktemp("system")) as running:
        yield running


IMPATIENT = {
    "EVCOMMAND_TIMING_EFFECT_MARGIN_S": "5",
    "EVCOMMAND_TIMING_CONNECTION_TIMEOUT_S": "3",
    "EVCOMMAND_TIMING_RESET_EFFECT_S": "8",
}


@pytest.fixture(scope="session")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The same, but it waits for few seconds where others wait for a minute."""
    with running_system(tmp_path_factory.mktemp("impatient"), environment=IMPATIENT) as running:
        yield running
