"""Several processes write to one database, and no write fails because it is locked."""

import asyncio
import json
import sys
from pathlib import Path

from fleet.database import Database
from fleet.log import commands as log
from fleet.log.event_log import Filter

WRITER = Path(__file__).with_name("log_writer.py")
PROCESSES, TASKS, WRITES = 4, 8, 25


async def run_writers(url: str) -> list[dict[str, float]]:
    started = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, str(WRITER), url, str(number), str(TASKS), str(WRITES)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        for number in range(PROCESSES)
    ]
    reports = []
    for process in started:
        out, errors = await asyncio.wait_for(process.communicate(), 120)
        assert process.returncode == 0, errors.decode()
        reports.append(json.loads(out))
    return reports


async def test_writers_in_four_processes_never_meet_a_lock(db: Database, fleet_url: str) -> None:
    async with db.read() as tx:
        start = await log.head(tx)
    reports = await run_writers(fleet_url)
    async with db.read() as tx:
        written = await log.read_after(tx, start, Filter("acme"), 100_000)
        shared = await log.latest(tx, tenant="acme", name="shared")
    assert len(written) == PROCESSES * TASKS * WRITES
    assert shared is not None
    assert shared.revision == PROCESSES * WRITES
    assert max(report["slowest_s"] for report in reports) < 2.0
