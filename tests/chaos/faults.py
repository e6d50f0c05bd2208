"""Carries a plan out: breaks what it says when it says so, and mends it."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

from tests.chaos.house import House
from tests.chaos.plan import Break, Fault
from tests.chaos.record import Disturbance
from tests.support.processes import Process, ProcessFailed


class Faults:
    """done: what was broken and is mended, as it really happened. crashes: who ended by itself."""

    def __init__(self, house: House) -> None:
        self.done: list[Disturbance] = []
        self.crashes: list[str] = []
        self._house = house
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def carry_out(self, plan: Iterable[Fault], seconds: float) -> None:
        """Breaks and mends it all, within so many seconds or as soon as all is there again."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(seconds))
            for fault in plan:
                group.create_task(self._in_time(fault, began))

    async def roll(self) -> None:
        """Restarts every process in order, one after the other, as an upgrade does."""
        began = time.monotonic()
        for name in self._house.processes:
            await self._break(Fault(time.monotonic() - began, Break.DRAIN, name, 0))

    async def _in_time(self, fault: Fault, began: float) -> None:
        await asyncio.sleep(fault.at_s - (time.monotonic() - began))
        async with self._turns[fault.target]:  # one that comes back late is broken later
            await self._break(fault)

    async def _break(self, fault: Fault) -> None:
        begun = datetime.now(UTC)
        try:
            if fault.target in self._house.processes:
                await self._break_process(self._house.processes[fault.target], fault)
            elif fault.target in self._house.links:
                await self._break_link(fault)
            else:
                await self._restart(fault.target)
        except ProcessFailed as failed:  # it ended by itself, or does not start or stop
            self.crashes.append(f"{fault.target}: {failed}")
            self._house.processes[fault.target].kill()
        self.done.append(Disturbance(fault, begun, datetime.now(UTC)))

    async def _break_process(self, process: Process, fault: Fault) -> None:
        if process.died():
            raise ProcessFailed(process.log_end())
        match fault.how:
            case Break.STOP:
                process.freeze()
                await asyncio.sleep(fault.lasts_s)
                process.thaw()
                return
            case Break.JUMP:
                clock = self._house.clocks[fault.target]
                clock.jump(fault.by_s)
                await asyncio.sleep(fault.lasts_s)
                clock.mend()
                return
            case Break.DRAIN:
                await process.stop()
            case _:
                process.kill()
        await asyncio.sleep(fault.lasts_s)
        await process.start()

    async def _break_link(self, fault: Fault) -> None:
        link = self._house.links[fault.target]
        if fault.how is Break.HANG:
            link.hang()
        else:
            link.cut()
        await asyncio.sleep(fault.lasts_s)
        link.mend()

    async def _restart(self, server: str) -> None:
        if server == "database":
            await asyncio.to_thread(self._house.postgres.restart)
        else:
            await self._house.temporal.stop()
            await self._house.temporal.start()
