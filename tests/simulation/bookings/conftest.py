"""The stage on which worlds of bookings are played."""

from collections.abc import Iterator

import pytest

from tests.simulation.bookings.stage import PoolStage, open_pool_stage


@pytest.fixture(scope="session")
def yard() -> Iterator[PoolStage]:
    """The stage of this run."""
    with open_pool_stage() as opened:
        yield opened
