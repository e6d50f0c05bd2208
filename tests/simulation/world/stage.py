"""Where worlds are played, one after the other, on the quickest disk there is."""

import asyncio
import gc
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.simulation.repeatable.conversion import quick_conversion
from tests.simulation.repeatable.fleet_file import FleetFile, sqlite_on_the_loop
from tests.simulation.world.world import Ran, simulate

_MEMORY = Path("/dev/shm")


class Stage:
    """Where worlds are played."""

    worlds = 0
    took_s = 0.0

    def __init__(self, fleet: FleetFile) -> None:
        self._fleet = fleet

    def play(self, seed: int, *, behind: bool = False) -> Ran:
        """The world of a seed, from its beginning to its end. behind: behind another back end."""
        begin_s = time.perf_counter()
        try:
            with undisturbed(), sqlite_on_the_loop(), quick_conversion():
                return simulate(seed, self._fleet, behind=behind)
        finally:
            Stage.worlds += 1
            Stage.took_s += time.perf_counter() - begin_s


@contextmanager
def open_stage() -> Iterator[Stage]:
    """A stage with a folder of its own, in memory where that is possible."""
    where = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="evcommand-simulation-", dir=where))
    try:
        fleet = FleetFile(folder)
        yield Stage(fleet)
        with sqlite_on_the_loop():
            asyncio.run(fleet.close())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def undisturbed() -> Iterator[None]:
    """While a world is played; what other tests rely on is put back after each."""
    logger = logging.getLogger("temporalio")
    level, seldom = logger.level, gc.get_threshold()
    logger.setLevel(logging.CRITICAL)  # the SDK tells of every task that a world lets fail
    gc.set_threshold(50_000, 20, 20)  # a world leaves little behind; looking for it costs a tenth
    try:
        yield
    finally:
        gc.set_threshold(*seldom)
        logger.setLevel(level)
