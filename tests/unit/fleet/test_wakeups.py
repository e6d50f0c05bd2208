"""The outbox of wake-ups, on both databases."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, text

from fleet import tables, wakeups
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.wakeups import Start, Wakeup
from tests.support.fleet_rows import NOW, later

OPERATING = Path(__file__).parents[3] / "docs" / "operating.md"
START = Start("W", "q", {"tenant": "acme"})


async def due(tx: Tx, limit: int = 10) -> list[Wakeup]:
    return await wakeups.due(tx, before=later(999), limit=limit)


async def planted(tx: Tx, workflow_id: str, **known: Any) -> None:
    """A row as an older version writes it: it merges nothing."""
    row = {"workflow_id": workflow_id, "reason": "transaction", "create_time": NOW, **known}
    await tx.execute(insert(tables.wakeups).values(row))


async def parked_reasons(tx: Tx) -> list[str]:
    table = tables.wakeups
    rows = select(table.c.parked_reason).where(table.c.parked_time.is_not(None))
    return [row.parked_reason for row in await tx.execute(rows.order_by(table.c.id))]


async def test_wake_ups_are_due_until_they_are_done(db: Database) -> None:
    async with db.write() as tx:
        await wakeups.add(tx, "command/acme/1", "transaction", NOW)
        await wakeups.add(tx, "command/acme/2", "answer", later(10))
        (first,) = await wakeups.due(tx, before=NOW, limit=10)
        assert (first.workflow_id, first.reason) == ("command/acme/1", "transaction")
        await wakeups.done(tx, [first])
        assert [w.reason for w in await wakeups.due(tx, before=later(10), limit=10)] == ["answer"]


async def test_many_facts_for_one_workflow_are_one_row(db: Database) -> None:
    async with db.write() as tx:
        for at_s in range(50):
            await wakeups.add(tx, "command/acme/1", "transaction", later(at_s))
        (row,) = await due(tx)
    assert (row.told, row.create_time) == (50, NOW)


async def test_a_fact_that_comes_while_its_row_is_sent_is_not_lost(db: Database) -> None:
    async with db.write() as tx:
        await wakeups.add(tx, "command/acme/1", "transaction", NOW)
        being_sent = await due(tx)
        await wakeups.add(tx, "command/acme/1", "answer", later(1))
        await wakeups.done(tx, being_sent)
        (left,) = await due(tx)
        assert left.reason == "answer"
        await wakeups.done(tx, [left])
        assert not await due(tx)


async def test_a_fact_does_not_wait_for_whoever_deletes_its_row(db: Database) -> None:
    async with db.write() as tx:
        await wakeups.add(tx, "command/acme/1", "transaction", NOW)
        being_sent = await due(tx)
    if db.dialect == "sqlite":
        return  # it has one writer
    async with asyncio.timeout(5), db.write() as one:
        await wakeups.done(one, being_sent)
        async with db.write() as other:
            await wakeups.add(other, "command/acme/1", "answer", NOW)
            await wakeups.done(other, being_sent)
    async with db.read() as tx:
        assert [row.reason for row in await due(tx)] == ["answer"]


async def test_a_start_survives_the_facts_after_it(db: Database) -> None:
    async with db.write() as tx:
        await wakeups.add(tx, "reservation/acme/1", "held", NOW, START)
        await wakeups.add(tx, "reservation/acme/1", "transaction", NOW)
        (row,) = await due(tx)
    assert (row.starts, row.reason) == (START, "transaction")


async def test_rows_of_one_workflow_do_not_fill_a_batch(db: Database) -> None:
    async with db.write() as tx:
        for _ in range(30):
            await planted(tx, "command/acme/1")
        await planted(tx, "command/acme/2")
        assert {row.workflow_id for row in await due(tx, limit=2)} == {
            "command/acme/1",
            "command/acme/2",
        }


async def test_what_is_put_back_is_one_row_and_is_due_at_its_time(db: Database) -> None:
    async with db.write() as tx:
        for _ in range(30):
            await planted(tx, "command/acme/1")
        await wakeups.put_back(tx, await due(tx, 99), tries=3, next_time=later(60))
        assert not await due(tx)
        assert not await wakeups.due_again(tx, now=later(59), limit=10)
        (again,) = await wakeups.due_again(tx, now=later(60), limit=10)
        (row,) = await wakeups.claim(tx, [again], now=later(60), until=later(90))
        assert row.tries == 3
        assert not await wakeups.claim(tx, [again], now=later(60), until=later(90))
        assert not await wakeups.claim(tx, [], now=later(60), until=later(90))
        assert await wakeups.due_again(tx, now=later(90), limit=10) == [again]


async def test_a_fact_for_a_workflow_that_is_put_back_waits_with_it(db: Database) -> None:
    async with db.write() as tx:
        await wakeups.add(tx, "command/acme/1", "transaction", NOW)
        await wakeups.put_back(tx, await due(tx), tries=1, next_time=later(60))
        await wakeups.add(tx, "command/acme/1", "answer", NOW)
        assert not await due(tx)
        assert (await wakeups.backlog(tx)).undelivered == 1


async def test_what_is_hurried_is_due_at_once(db: Database) -> None:
    async with db.write() as tx:
        await wakeups.add(tx, "command/acme/1", "transaction", NOW)
        await wakeups.put_back(tx, await due(tx), tries=1, next_time=later(60))
        await wakeups.add(tx, "command/acme/2", "transaction", NOW)
        await wakeups.put_back(tx, await due(tx), tries=8, next_time=later(60))
        await wakeups.hurry(tx, now=later(1), tries_below=8)
        assert len(await wakeups.due_again(tx, now=later(1), limit=10)) == 1


async def test_parked_rows_are_seen_and_hold_up_nothing(db: Database) -> None:
    async with db.write() as tx:
        await wakeups.add(tx, "command/acme/1", "transaction", NOW)
        await wakeups.park(tx, await due(tx), reason="INVALID_ARGUMENT", now=NOW)
        await wakeups.add(tx, "command/acme/1", "answer", later(5))
        assert [row.reason for row in await due(tx)] == ["answer"]
        assert await parked_reasons(tx) == ["INVALID_ARGUMENT"]
        assert await wakeups.backlog(tx) == wakeups.Backlog(1, 1, later(5))


async def test_a_row_with_a_newer_fact_is_not_parked(db: Database) -> None:
    async with db.write() as tx:
        await wakeups.add(tx, "command/acme/1", "transaction", NOW)
        (row,) = await due(tx)
        await wakeups.park(tx, [replace(row, told=0)], reason="no", now=NOW)
        assert await due(tx) == [row]


async def test_parked_rows_are_bounded_by_number_and_age(db: Database) -> None:
    async with db.write() as tx:
        for number in range(wakeups.PARKED_LIMIT + 5):
            await planted(tx, f"command/acme/{number}", parked_time=NOW)
        await wakeups.add(tx, "command/acme/new", "transaction", NOW)
        await wakeups.park(tx, await due(tx), reason="no", now=later(1))
        assert (await wakeups.backlog(tx)).parked == wakeups.PARKED_LIMIT
        await wakeups.add(tx, "command/acme/newer", "transaction", NOW)
        after = NOW + wakeups.PARKED_FOR + (later(9) - NOW)
        await wakeups.park(tx, await due(tx), reason="no", now=after)
        assert (await wakeups.backlog(tx)).parked == 1


async def test_the_documented_statement_puts_parked_rows_back(db: Database) -> None:
    documented = re.search(r"UPDATE wakeups SET [^`]+?;", OPERATING.read_text())
    assert documented is not None
    async with db.write() as tx:
        await wakeups.add(tx, "command/acme/1", "transaction", NOW)
        await wakeups.put_back(tx, await due(tx), tries=9, next_time=NOW)
        (again,) = await wakeups.due_again(tx, now=NOW, limit=1)
        rows = await wakeups.claim(tx, [again], now=NOW, until=NOW)
        await wakeups.park(tx, rows, reason="no", now=NOW)
        await tx.execute(text(documented.group()))
        (row,) = await due(tx)
        assert (row.workflow_id, row.tries) == ("command/acme/1", 0)
        assert await parked_reasons(tx) == []


async def test_a_listener_is_called_after_the_commit_of_a_wake_up_only(db: Database) -> None:
    calls: list[str] = []
    with db.on_outbox(lambda: calls.append("older")), db.on_outbox(lambda: calls.append("newer")):
        async with db.write() as tx:
            await wakeups.add(tx, "command/acme/1", "transaction", NOW)
            (row,) = await due(tx)
            assert calls == []
        assert calls == ["newer"]
        async with db.write() as tx:
            await wakeups.done(tx, [row])
    assert calls == ["newer"]
