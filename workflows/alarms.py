"""The deadlines of a workflow, as timers that are set and never cancelled.

Cancelling a timer costs a history event. A command sets few timers, and one that rings when nobody
needs it any longer wakes a workflow that finds nothing to do.
"""

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow


class Alarms:
    """The timers of one workflow run."""

    def __init__(self) -> None:
        self._set: dict[datetime, asyncio.Task[None]] = {}
        self._rang: datetime | None = None

    def set(self, when: datetime | None) -> None:
        """Makes sure that the workflow runs at `when`. None: there is no deadline."""
        if when is None or self.is_due(when) or when in self._set:
            return
        self._set[when] = asyncio.create_task(self._ring(when))

    def is_due(self, when: datetime | None) -> bool:
        """Whether `when` has come."""
        return when is not None and self.no_earlier(workflow.now()) >= when

    def no_earlier(self, now: datetime) -> datetime:
        """`now`, or the latest alarm that has rung: a server may ring an alarm a moment early."""
        return now if self._rang is None else max(now, self._rang)

    async def _ring(self, when: datetime) -> None:
        wait = max(when - workflow.now(), timedelta(0))
        await workflow.sleep(wait, summary=f"Looks at the facts at {when:%H:%M:%S}")
        self._rang = when if self._rang is None else max(when, self._rang)
        del self._set[when]
