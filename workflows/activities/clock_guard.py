"""Nothing is decided by a clock that runs ahead: Temporal's is compared with the fleet's.

A workflow has the time of Temporal's server, and facts have the time of the database. Where
Temporal's is ahead, a deadline has passed before its time, and a start that is about to begin would
be told as NO_EFFECT. So an activity whose `now` is in the future fails, and is tried again until
the clocks agree. What comes late is told late, and true. A `now` of the past is nothing unusual: an
activity that is tried again has the time of its first try.
"""

from datetime import timedelta
from typing import Any

import structlog
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from journal.clock import Clock

_log = structlog.get_logger(__name__)

MOST_AHEAD = timedelta(seconds=2)
"""By how much Temporal's clock may be ahead of the database's."""


class ClockGuard(Interceptor):
    """Refuses activities of a worker that would decide in the future. clock: the fleet's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """As the SDK asks for it."""
        return _GuardedActivity(next, self._clock)


class _GuardedActivity(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, clock: Clock) -> None:
        super().__init__(following)
        self._clock = clock

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        """Run it. Raises: ApplicationError when its `now` is in the future."""
        for request in input.args:
            now = getattr(request, "now", None)
            ahead = timedelta(0) if now is None else now - self._clock()
            if ahead > MOST_AHEAD:
                _log.error("temporal_clock_is_ahead", ahead_s=round(ahead.total_seconds(), 3))
                raise ApplicationError("Temporal's clock is ahead of the database's")
        return await super().execute_activity(input)
