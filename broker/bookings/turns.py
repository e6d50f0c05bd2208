"""Turns of the callers that a broker plans for.

Planning is computing: more at once are no faster, and each of them would wait for the database
while it is not its turn. Nobody waits for ever: who has had no turn is told so in time, and nothing
was booked for him.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Protocol, TypeVar

from broker.errors import Reason, Refusal
from broker.settings import BrokerSettings

T = TypeVar("T")


class TimedCall(Protocol):
    """A call that may have a deadline."""

    def time_remaining(self) -> float | None:
        """How many seconds are left; None: there is no deadline."""


class PlanningTurns:
    """Gives so many callers a turn at once; the others wait, the first one first."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings
        self._places = asyncio.Semaphore(settings.plans_at_once)

    @asynccontextmanager
    async def turn(self, call: TimedCall) -> AsyncIterator[None]:
        """A turn while the context is open. Raises: Refusal (TOO_MANY_CALLS)."""
        longest_s, own_s = self._settings.planning_patience_s, call.time_remaining()
        if own_s is not None:  # the answer has to come before the caller has gone
            longest_s = min(longest_s, max(own_s - self._settings.deadline_margin_s, 0.0))
        try:
            async with asyncio.timeout(longest_s):
                await self._places.acquire()
        except TimeoutError:
            raise self._no_turn(longest_s) from None
        try:
            yield
        finally:
            self._places.release()

    def _no_turn(self, waited_s: float) -> Refusal:
        most = self._settings.plans_at_once
        return Refusal(
            Reason.TOO_MANY_CALLS,
            f"This broker plans for {most} callers at once, and others were before this call for "
            f"{waited_s:.1f} s. Nothing was booked. Try again, with the same request_id.",
            retry_after=timedelta(seconds=self._settings.unavailable_retry_s),
            facts={"share": "planning", "limit": str(most)},
        )


async def computed(compute: Callable[[], T]) -> T:
    """What a long computation finds. It runs in a thread: the loop has other calls to serve.

    A caller who goes meanwhile is let go when the thread is done: until then it has its turn.
    """
    work = asyncio.ensure_future(asyncio.to_thread(compute))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise
