"""What a PostgreSQL notification of the log carries."""

import asyncio
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import pytest

from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.log import commands as log
from fleet.log.event_log import Columns
from fleet.log.postgres_notification import CHANNEL, path
from tests.support.databases import Postgres
from tests.support.fleet_rows import NOW


async def append(tx: Tx, name: str) -> Any:
    return await log.append(
        tx,
        tenant="acme",
        name=name,
        key="queued",
        change=lambda _: {},
        columns=lambda _: Columns("CP1", "START_SESSION", "QUEUED", "", NOW),
        now=NOW,
    )


async def test_it_carries_the_path_of_the_resource_and_comes_with_the_commit(
    postgres_server: Postgres,
) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    async with postgres_server.fresh() as url:
        db = await Database.open(url)
        listener = await asyncpg.connect(url)
        await listener.add_listener(CHANNEL, lambda *told: heard.put_nowait(told[-1]))
        with pytest.raises(RuntimeError):
            async with db.write() as tx:
                await append(tx, "rolled-back")
                raise RuntimeError
        async with db.write() as tx:
            await append(tx, "c1")
            assert heard.empty()
        assert await asyncio.wait_for(heard.get(), 10) == path("acme", "c1") == "acme/c1"
        await listener.close()
        await db.close()
