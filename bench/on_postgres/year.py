"""A year of commands in PostgreSQL: what List and Get take among them, and while old ones go.

A few real commands are written through the fleet's log, with their notes and frames, and multiplied
in the database over 400 days, 10,000 stations and one tenant, the worst case. The reference is the
same database when it has one command of a hundred of that. Then a pass of retention deletes the
older half with its own rests while List and Get are measured again.

    python -m bench year            2,000,000 commands; EVCOMMAND_BENCH_COMMANDS sets another number
"""

import asyncio
import os
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text

from bench.on_postgres.postgres import postgres
from bench.report import Figure, note
from fleet import tables
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.log import commands, notes
from fleet.log.event_log import Columns, Filter
from journal.retention import Retention
from journal.settings import RetentionSettings

COMMANDS = int(os.environ.get("EVCOMMAND_BENCH_COMMANDS", "2000000"))
STATIONS = 10_000
DAYS = 400
FIRST_SHARE = 100
CALLS = 400
PAGE = 50
BATCH = 100_000
RARE = 1_000
"""One command of so many ended UNKNOWN."""
TENANT = "operator"
NOW = datetime(2026, 12, 1, tzinfo=UTC)
_SETTINGS = "-c shared_buffers=512MB -c max_wal_size=4GB -c synchronous_commit=off"
_STATES = ("QUEUED", "SENT", "DONE")

Read = Callable[[Tx], Awaitable[Any]]

# Every row of the pattern, for each number of a range: its own name, station, and time of the year.
_SPREAD = """
INSERT INTO {table} ({columns})
SELECT {values} FROM {table} t, generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) n
WHERE t.tenant = :tenant AND t.{name} = 'pattern'
"""
_NAMES = {
    "commands": "name",
    "events": "name",
    "notes": "command",
    "sends": "command",
    "command_labels": "name",
}
_OWN = {"id", "seq"}
"""Columns that the database numbers by itself, but the newest snapshot's."""


def _value(table: str, column: str) -> str:
    if column == _NAMES[table]:
        return "'c' || lpad(n::text, 10, '0')"
    if column == "station":
        return f"'CP' || (n * 7919 % {STATIONS})"
    if (table, column) == ("command_labels", "value"):
        return "'ticket ' || n"
    if (table, column) == ("commands", "outcome_code"):
        return f"CASE WHEN n % {RARE} = 0 THEN 'UNKNOWN' ELSE t.outcome_code END"
    if column.endswith("time"):
        return f"t.{column} - (n * {DAYS * 86_400_000_000 // COMMANDS})"
    return f"n AS {column}" if (table, column) == ("commands", "seq") else f"t.{column}"


def _always(value: Any, _: object) -> Any:
    return value


async def _pattern(db: Database) -> None:
    """One unlock as it is kept when it is done, named "pattern", at a time of its own."""
    snapshot = {
        "name": "pattern",
        "tenant": TENANT,
        "kind": "UNLOCK_CONNECTOR",
        "station": "CP0",
        "unlock": {"connector_id": 1, "evse_id": 1, "stop_first": False},
        "labels": {"ticket": "4711"},
        "workflow_id": f"command/{TENANT}/pattern",
        "offline_policy": "FAIL_FAST",
        "padding": "x" * 900,
    }
    async with db.write() as tx:
        for number, state in enumerate(_STATES):
            shown = snapshot | {"state": state, "revision": number + 1}
            code = "SUCCEEDED" if state == "DONE" else ""
            columns = Columns("CP0", "UNLOCK_CONNECTOR", state, code, NOW, {"ticket": "0"})
            await commands.append(
                tx,
                tenant=TENANT,
                name="pattern",
                key=f"{state}:{number}",
                change=partial(_always, shown),
                columns=partial(_always, columns),
                now=NOW,
            )
        await _beside(tx, str(snapshot["workflow_id"]))


async def _beside(tx: Tx, workflow_id: str) -> None:
    """The pattern's notes and its frame."""
    for key in ("routed", "weighed"):
        facts = {"gateway": "g" * 32, "padding": "x" * 100}
        await notes.add(
            tx,
            tenant=TENANT,
            command="pattern",
            key=key,
            what=key,
            text="",
            facts=facts,
            now=NOW,
        )
    await tx.execute(
        insert(tables.sends).values(
            command="pattern",
            tenant=TENANT,
            station="CP0",
            workflow_id=workflow_id,
            kind="UNLOCK_CONNECTOR",
            attempt=1,
            state="ANSWERED",
            message_id="pattern",
            send_time=NOW,
            answer_time=NOW,
            answer={"verdict": "ACCEPTED", "status": "Unlocked"},
            frame={"connectorId": 1},
            closed=True,
        )
    )


async def _multiply(db: Database, first: int, last: int) -> None:
    for begin in range(first, last + 1, BATCH):
        for table, name in _NAMES.items():
            names = [c.name for c in tables.metadata.tables[table].columns]
            kept = [c for c in names if table == "commands" or c not in _OWN]
            spread = _SPREAD.format(
                table=table,
                name=name,
                columns=", ".join(f'"{column}"' for column in kept),
                values=", ".join(_value(table, column) for column in kept),
            )
            numbers = {"first": begin, "last": min(begin + BATCH - 1, last), "tenant": TENANT}
            async with db.write() as tx:
                await tx.execute(text(spread), numbers)
        note(f"{min(begin + BATCH - 1, last):,} commands")


def _reads(count: int) -> dict[str, Callable[[], Read]]:
    """What callers ask for, each time about something else."""
    pick = random.Random(1)

    def get() -> Read:
        name = f"c{pick.randint(1, count):010}"
        return lambda tx: commands.latest(tx, tenant=TENANT, name=name)

    def page(**which: Any) -> Read:
        return lambda tx: commands.list_page(tx, Filter(TENANT, **which), limit=PAGE)

    def deep() -> Read:
        after = (NOW - timedelta(days=pick.uniform(1, DAYS - 30)), "c")
        return lambda tx: commands.list_page(tx, Filter(TENANT), after=after, limit=PAGE)

    return {
        "Get": get,
        "List": page,
        "List, far down": deep,
        "List of a station": lambda: page(station=f"CP{pick.randrange(STATIONS)}"),
        "List of a state": lambda: page(states=("DONE",)),
        "List of a rare outcome": lambda: page(outcome_codes=("UNKNOWN",)),
        "List of a label": lambda: page(labels={"ticket": f"ticket {pick.randint(1, count)}"}),
    }


async def _percentiles(db: Database, count: int) -> dict[str, tuple[float, float]]:
    """p50 and p99 in ms of each kind of read."""
    found = {}
    for name, make in _reads(count).items():
        taken = []
        for _ in range(CALLS):
            read, began = make(), time.perf_counter()
            async with db.read() as tx:
                await read(tx)
            taken.append((time.perf_counter() - began) * 1_000)
        taken.sort()
        found[name] = (statistics.median(taken), taken[len(taken) * 99 // 100])
    return found


async def _settle(db: Database) -> None:
    """As after a night of autovacuum."""
    async with db.write() as tx:
        for table in _NAMES:
            await tx.execute(text(f"ANALYZE {table}"))


async def _bytes_per_command(db: Database, count: int) -> float:
    sizes = " + ".join(f"pg_total_relation_size('{table}')" for table in _NAMES)
    async with db.read() as tx:
        return float((await tx.execute(text(f"SELECT {sizes}"))).scalar_one()) / count


async def _prunes(db: Database, count: int) -> dict[str, tuple[float, float]]:
    """The reads while the older half goes, and how many commands a second went."""
    settings = RetentionSettings(commands_days=DAYS // 2)
    pass_ = asyncio.create_task(Retention(db, settings, lambda: NOW).run_once())
    began = time.perf_counter()
    found = await _percentiles(db, count // 2)
    if pass_.done():
        await pass_
    taken_s = time.perf_counter() - began
    pass_.cancel()
    await asyncio.gather(pass_, return_exceptions=True)
    async with db.read() as tx:
        left = int((await tx.execute(text("SELECT count(*) FROM commands"))).scalar_one())
    Figure(
        "commands deleted by one process with its rests", (count + 1 - left) / taken_s, None, "1/s"
    ).report()
    return found


async def measure() -> None:
    """Reports each kind of read in a small and a large database, and while old commands go."""
    first = COMMANDS // FIRST_SHARE
    with tempfile.TemporaryDirectory() as home, postgres(Path(home), settings=_SETTINGS) as port:
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        db = await Database.open(url, timeout_s=600.0)
        try:
            await _pattern(db)
            await _multiply(db, 1, first)
            await _settle(db)
            few = await _percentiles(db, first)
            await _multiply(db, first + 1, COMMANDS)
            await _settle(db)
            many = await _percentiles(db, COMMANDS)
            size = await _bytes_per_command(db, COMMANDS)
            Figure("a command on PostgreSQL", size / 1_024, None, "KiB").report()
            pruned = await _prunes(db, COMMANDS)
        finally:
            await db.close()
    for name, (p50, p99) in many.items():
        details = {"p50": p50, "reference p50": few[name][0], "while pruned": pruned[name]}
        Figure(
            f"{name} p99 among {COMMANDS:,} commands",
            p99,
            few[name][1],
            "ms",
            target=f"as among {first:,}: at most 1.5 times",
            ok=p99 <= 1.5 * few[name][1],
            details=details,
        ).report()
