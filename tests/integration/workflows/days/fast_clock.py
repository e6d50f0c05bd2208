"""A day in fast-forward: the clock of Temporal's time-skipping server, for everybody else too.

The server skips only while nothing is under way in it. Before each step everything that the broker
looks for by itself is looked for, and the outbox is delivered, so that nothing is later than a
step.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from temporalio.testing import WorkflowEnvironment

STEP = timedelta(minutes=1)


class FastClock:
    """The server's time. Between two looks at it our own clock goes on."""

    def __init__(self, environment: WorkflowEnvironment) -> None:
        self._environment = environment
        self._ahead = timedelta(0)
        self.before_step: list[Callable[[], Awaitable[object]]] = []
        self.after_step: list[Callable[[], object]] = []

    def now(self) -> datetime:
        """The time, for all processes and stations."""
        return datetime.now(UTC) + self._ahead

    async def look(self) -> None:
        """Reads the server's time. Ours never goes back."""
        told = await self._environment.get_current_time()
        self._ahead = max(self._ahead, told - datetime.now(UTC))

    async def skip_to(self, moment: datetime) -> None:
        """In one step, while nobody does anything."""
        await self._environment.sleep(max(moment - self.now(), timedelta(0)))
        await self.look()

    async def pass_to(self, moment: datetime, step: timedelta = STEP) -> None:
        """Lets time pass until then."""
        while (left := moment - self.now()) > timedelta(0):
            for each in self.before_step:
                await each()
            arrived = asyncio.Event()
            async with asyncio.TaskGroup() as beside:
                beside.create_task(self._follow(arrived))
                try:
                    await self._environment.sleep(min(left, step))
                finally:
                    arrived.set()
            await self.look()
            for told in self.after_step:
                told()
        for each in self.before_step:
            await each()

    async def _follow(self, arrived: asyncio.Event) -> None:
        """What happens within a step happens at its time.

        It ends by itself and is not cancelled: a call that is cancelled is a stream that is reset,
        and after about a thousand of them the connection is closed (ENHANCE_YOUR_CALM).
        """
        while not arrived.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.02):
                    await arrived.wait()
                    return
            await self.look()
