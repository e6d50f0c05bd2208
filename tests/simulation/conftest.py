"""The stage on which worlds are played, on the quickest disk there is."""

import gc
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.fleet_file import FleetFile, sqlite_on_the_loop
from tests.simulation.world import Ran, simulate

_MEMORY = Path("/dev/shm")


class Stage:
    """Where worlds are played."""

    worlds = 0
    took_s = 0.0

    def __init__(self, folder: Path) -> None:
        self._fleet = FleetFile(folder)

    def play(self, seed: int) -> Ran:
        """The world of a seed, from its beginning to its end."""
        begin_s = time.perf_counter()
        try:
            with sqlite_on_the_loop():
                return simulate(seed, self._fleet)
        finally:
            Stage.worlds += 1
            Stage.took_s += time.perf_counter() - begin_s


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How fast worlds were played."""
    if Stage.worlds:
        speed = Stage.worlds / Stage.took_s
        terminalreporter.write_line(f"simulation: {Stage.worlds} worlds, {speed:.1f} a second")


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """The stage of this run."""
    where = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="evcommand-simulation-", dir=where))
    logger = logging.getLogger("temporalio")
    level = logger.level
    logger.setLevel(logging.CRITICAL)  # the SDK tells of every task that a world lets fail
    seldom = gc.get_threshold()
    gc.set_threshold(50_000, 20, 20)  # a world leaves little behind; looking for it costs a tenth
    try:
        yield Stage(folder)
    finally:
        gc.set_threshold(*seldom)
        logger.setLevel(level)
        shutil.rmtree(folder, ignore_errors=True)
