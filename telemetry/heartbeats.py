"""How an activity shows Temporal that its process lives."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporalio import activity


@asynccontextmanager
async def heartbeats(interval_s: float) -> AsyncIterator[None]:
    """Sends heartbeats inside the block, so that Temporal notices a dead process within seconds."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(interval_s)  # first: most activities are over before a beat
            activity.heartbeat()

    beating = asyncio.get_running_loop().create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
