"""One gateway on a free port with a fleet of its own; no Temporal."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fleet.database import Database
from fleet.keys import load_passwords, load_sealer
from tests.support.benches.gateway_bench import Bench, quick
from tests.support.databases import new_sqlite


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A fresh SQLite fleet."""
    db = await Database.open(await new_sqlite(tmp_path / "fleet.sqlite"), migrate=False)
    yield db
    await db.close()


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    """A running gateway with quick limits, and everything around it that a test needs."""
    sealer = await load_sealer(database)
    bench = Bench(database, sealer, await load_passwords(database), quick())
    await bench.start()
    yield bench
    await bench.stop()
