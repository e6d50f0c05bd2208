"""A process that appends to the log as fast as it can: URL, number, tasks, writes per task.

Half of its tasks use transactions of their own, half group commit; one task of each process
writes to a command that all processes share.
"""

import asyncio
import json
import sys
import time
from datetime import UTC, datetime
from functools import partial
from typing import Any

from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.log import commands as log
from fleet.log.event_log import Columns

NOW = datetime(2026, 5, 4, tzinfo=UTC)


async def append(tx: Tx, name: str, key: str) -> Any:
    """One change of a command."""
    return await log.append(
        tx,
        tenant="acme",
        name=name,
        key=key,
        change=lambda old: {"n": (old or {"n": 0})["n"] + 1},
        columns=lambda _: Columns("CP1", "START_SESSION", "QUEUED", "", NOW),
        now=NOW,
    )


async def main(url: str, number: str, tasks: int, writes: int) -> None:
    """Write, and report the slowest write."""
    db = await Database.open(url)
    slowest = 0.0

    async def one(task: int) -> None:
        nonlocal slowest
        name = "shared" if task == 0 else f"c{number}-{task}"
        for write in range(writes):
            began, key = time.perf_counter(), f"{number}:{write}"
            if task % 2:
                async with db.write() as tx:
                    await append(tx, name, key)
            else:
                await db.batch(partial(append, name=name, key=key))
            slowest = max(slowest, time.perf_counter() - began)

    await asyncio.gather(*(one(task) for task in range(tasks)))
    await db.close()
    print(json.dumps({"slowest_s": slowest}))


asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
