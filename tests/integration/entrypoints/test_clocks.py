"""A process whose machine has a wrong clock: what it writes has the time of the database."""

import asyncio
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

import pytest
from sqlalchemy import text

import journal.clock
from entrypoints.processes import Role, running
from entrypoints.settings import Settings
from entrypoints.temporal.binary import find_temporal
from entrypoints.temporal.client import TemporalTarget
from entrypoints.temporal.dev_server import DevServerOptions, running_dev_server
from fleet.database import Database
from fleet.engine.values import to_micros
from tests.support.databases import Postgres, postgres_server

__all__ = ["postgres_server"]

LEASE_S = 15
SLACK_S = 60.0
"""For a busy machine."""


@pytest.mark.parametrize(
    "wrong", [timedelta(hours=-2), timedelta(hours=2)], ids=["2 hours slow", "2 hours ahead"]
)
async def test_the_lease_of_a_gateway_is_by_the_clock_of_the_database(
    postgres_server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: timedelta
) -> None:
    class WrongClock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return super().now(tz) + wrong

    monkeypatch.setattr(journal.clock, "datetime", WrongClock)
    binary = await asyncio.to_thread(find_temporal, lambda _: None)
    options = DevServerOptions(tmp_path / "temporal.log", ui=False)
    async with (
        postgres_server.fresh() as url,
        running_dev_server(binary, options, lambda _: None) as where,
    ):
        settings = Settings(database_url=url, ocpp_listen="127.0.0.1:0")
        target = TemporalTarget(where.address, "default", {})
        async with running(settings, (Role.GATEWAY,), target):
            until = await lease_of(url)
    left_s = (until - to_micros(datetime.now(UTC))) / 1e6
    assert -SLACK_S < left_s <= LEASE_S


async def lease_of(url: str) -> int:
    """Until when the only gateway's connections stand, in microseconds since 1970."""
    db = await Database.open(url, migrate=False)
    async with db.read() as tx:
        until = (await tx.execute(text("SELECT until FROM gateways"))).scalar_one()
    await db.close()
    return int(until)
