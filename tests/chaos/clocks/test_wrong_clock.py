"""The clock of a real gateway jumps: it notices, and its lease has the time of the database."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from fleet.database import Database
from tests.chaos.clocks.wrong_clock import WrongClock, parent_with_clocks
from tests.support.databases import Postgres, postgres_server
from tests.support.ports import steady_port
from tests.support.processes import Process, TemporalProcess
from tests.support.stations.scripted_station import eventually, found

__all__ = ["postgres_server"]

pytestmark = [pytest.mark.e2e]

NOTICED_S = 15.0
LEASE_US = 15_000_000
"""The lease of a gateway, in microseconds."""


@dataclass
class Clocked:
    """A gateway on PostgreSQL, and its clock."""

    gateway: Process
    clock: WrongClock
    database: str

    def told(self, event: str) -> int:
        """How often it has said this."""
        lines = [line for line in self.gateway.log.read_text().splitlines() if line[:1] == "{"]
        return sum(json.loads(line).get("event") == event for line in lines)

    async def lease(self, at: str) -> int:
        """When its lease was renewed (`seen`), or ends (`until`), after now by the database."""
        db = await Database.open(self.database, migrate=False)
        now = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
        async with db.read() as tx:
            found = await tx.execute(text(f"SELECT {at} - {now} FROM gateways"))
            left = int(found.scalar_one())
        await db.close()
        return left


@pytest.fixture
async def clocked(postgres_server: Postgres, tmp_path: Path) -> AsyncIterator[Clocked]:
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(postgres_server.fresh())
        temporal = TemporalProcess(tmp_path)
        await temporal.start()
        stack.push_async_callback(temporal.stop)
        parent, clock = parent_with_clocks(tmp_path), WrongClock(tmp_path / "clock")
        stack.callback(parent.close)
        stack.callback(clock.close)
        settings = {
            "EVCOMMAND_OCPP_LISTEN": f"127.0.0.1:{steady_port()}",
            "EVCOMMAND_TEMPORAL_ADDRESS": f"127.0.0.1:{temporal.port}",
            "EVCOMMAND_DATABASE_URL": database,
            "EVCOMMAND_OPEN": "true",
            "EVCOMMAND_LOG_FORMAT": "json",
        }
        environment = settings | clock.environment
        gateway = Process("gateway", tmp_path, environment, parent=parent)
        stack.callback(gateway.kill)
        await gateway.start()
        yield Clocked(gateway, clock, database)
        await gateway.stop()


@pytest.mark.parametrize("by_s", [-600.0, 600.0])
async def test_a_jump_is_told_and_moves_no_lease(clocked: Clocked, by_s: float) -> None:
    clocked.clock.jump(by_s)
    await eventually(lambda: clocked.told("clock_is_off") == 1, NOTICED_S)
    before = await clocked.lease("until")

    async def renewed() -> bool:
        return await clocked.lease("until") > before

    await found(renewed, NOTICED_S)
    assert 0 < await clocked.lease("until") <= LEASE_US
    clocked.clock.mend()
    await eventually(lambda: clocked.told("clock_is_right") == 1, NOTICED_S)
    assert 0 < await clocked.lease("until") <= LEASE_US
