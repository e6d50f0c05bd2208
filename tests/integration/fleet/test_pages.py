"""The pages of a list: one far down costs what the first one costs."""

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from sqlalchemy import text

from fleet import callbacks
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.log import commands, counting, reservations
from fleet.log.event_log import Filter
from fleet.transactions.queries import list_page as list_sessions
from tests.support.databases import Postgres

PLACE = (datetime(2026, 3, 1, tzinfo=UTC), "c100")
ALL, ONE_STATION = Filter("north"), Filter("north", station="CP1")


class Asked:
    """A transaction that remembers the last statement."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.dialect = tx.dialect
        self.last: Any = None

    async def execute(self, statement: Any, *values: Any) -> Any:
        self.last = statement
        return await self._tx.execute(statement, *values)


async def plan_of(db: Database, read: Callable[[Tx], Awaitable[object]]) -> str:
    """How the database would run the last statement of `read`, if its tables were large."""
    async with db.read() as tx:
        asked = Asked(tx)
        await read(cast(Tx, asked))
        compiled = asked.last.compile(dialect=tx.dialect, compile_kwargs={"literal_binds": True})
        if tx.dialect.name == "sqlite":
            return "\n".join(
                str(row) for row in await tx.execute(text(f"EXPLAIN QUERY PLAN {compiled}"))
            )
        for way in ("seqscan", "sort", "bitmapscan"):
            await tx.execute(text(f"SET LOCAL enable_{way} = off"))
        return "\n".join(str(row[0]) for row in await tx.execute(text(f"EXPLAIN {compiled}")))


@pytest.mark.parametrize(
    ("read", "columns"),
    [
        pytest.param(
            lambda tx: commands.list_page(tx, ALL, after=PLACE, limit=10),
            "create_time,name",
            id="commands",
        ),
        pytest.param(
            lambda tx: commands.list_page(tx, ONE_STATION, after=PLACE, limit=10),
            "create_time,name",
            id="commands of a station",
        ),
        pytest.param(
            lambda tx: reservations.RESERVATIONS.list_page(tx, ALL, after=PLACE, limit=10),
            "create_time,name",
            id="reservations",
        ),
        pytest.param(
            lambda tx: callbacks.list_page(tx, tenant="north", after=PLACE, limit=10),
            "create_time,id",
            id="callback deliveries",
        ),
        pytest.param(
            lambda tx: list_sessions(tx, tenant="north", after="s1", limit=10),
            "received_time,name",
            id="sessions",
        ),
    ],
)
async def test_a_page_far_down_begins_in_the_index(
    db: Database, read: Callable[[Tx], Awaitable[object]], columns: str
) -> None:
    plan = await plan_of(db, read)
    place = f"({columns})<(" if db.dialect == "sqlite" else f"ROW({columns})<ROW("
    told = [line for line in plan.replace("::text", "").splitlines() if place in compact(line)]
    assert any("SEARCH" in line or "Index Cond" in line for line in told), plan


async def test_commands_with_a_rare_outcome_have_an_index(postgres_server: Postgres) -> None:
    unknown = Filter("north", outcome_codes=("UNKNOWN",))
    async with postgres_server.fresh() as url:
        db = await Database.open(url, migrate=False)
        try:
            plan = await plan_of(db, lambda tx: commands.list_page(tx, unknown, limit=10))
        finally:
            await db.close()
    assert "Index Scan Backward using ix_commands_outcome_page" in plan


async def test_sessions_that_run_are_found_among_those_of_a_year(db: Database) -> None:
    def read(tx: Tx) -> Awaitable[object]:
        return list_sessions(tx, tenant="north", active=True, after="s1", limit=10)

    plan = await plan_of(db, read)
    assert "ix_transactions_active_page" in plan, plan


@pytest.mark.parametrize("count", [counting.count_ends, counting.measure_times])
@pytest.mark.parametrize(
    ("stations", "index"),
    [((), "ix_commands_page"), (("CP1",), "ix_commands_station_page")],
    ids=["all", "one station"],
)
async def test_a_report_reads_the_commands_of_its_period_alone(
    db: Database, count: Callable[..., Awaitable[object]], stations: Sequence[str], index: str
) -> None:
    which = counting.Counted("north", PLACE[0], PLACE[0] + timedelta(days=1), stations)
    plan = await plan_of(db, lambda tx: count(tx, which))
    told = [line for line in plan.splitlines() if index in line or "Index Cond" in line]
    assert any(index in line for line in told), plan
    assert any(re.search(r"create_time\W*>", line) for line in told), plan


def compact(line: str) -> str:
    """Without blanks and without the brackets around one name."""
    return re.sub(r"\((\w+)\)", r"\1", line.replace(" ", ""))
