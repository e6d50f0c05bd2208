"""How long the fleet keeps what is over, and the task that deletes what is older.

One process deletes at a time, and most of the time none: after each batch it rests for nine times
as long as the batch took. A rest costs nothing but a later end of the pass.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta

import structlog

from fleet.database import Database
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.pruning import Prunable, may_prune, prune
from telemetry import metrics

LEAST_DAYS = 35
"""A scheduled reset may be judged by what was sent in the 30 days before it."""

FIRST_PASS_S, NEXT_PASS_S = 60.0, 3_600.0
_REST, _LEAST_REST_S, _LONGEST_REST_S = 9, 0.02, 5.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class RetentionSettings:
    """How many days after its end a thing is kept; 0: for ever.

    Raises: ValueError for a time that is shorter than decisions look back.
    """

    commands_days: int = field(
        default=400,
        metadata={
            "doc": (
                "days for which a command is kept after its last change, with its frames, notes "
                "and callback deliveries; its request_id is remembered as long. 0: for ever, else "
                "at least 35."
            )
        },
    )
    reservations_days: int = field(
        default=400, metadata={"doc": "the same for reservations, after their end."}
    )
    sessions_days: int = field(
        default=400, metadata={"doc": "the same for charging sessions, after their end."}
    )
    reports_days: int = field(
        default=90, metadata={"doc": "the same for stations' reports that nobody could take."}
    )

    def __post_init__(self) -> None:
        for each in fields(self):
            days = getattr(self, each.name)
            if days != 0 and days < LEAST_DAYS:
                raise ValueError(
                    f"retention_{each.name}: {days} is too short: 0 (for ever) or {LEAST_DAYS} "
                    "and more"
                )

    def days(self, what: Prunable) -> int:
        """How long this is kept."""
        return int(getattr(self, f"{what.value}_days"))


class Retention:
    """Deletes what is older than its retention. clock: the time now."""

    def __init__(
        self, db: Database, settings: RetentionSettings, clock: Callable[[], datetime]
    ) -> None:
        self._db = db
        self._settings = settings
        self._clock = clock

    async def run(self) -> None:
        """One pass an hour, until it is cancelled."""
        await asyncio.sleep(FIRST_PASS_S)
        while True:
            try:
                await self.run_once()
            except DatabaseUnavailable as error:
                _log.warning("pruning_waits_for_the_database", why=str(error))
            await asyncio.sleep(NEXT_PASS_S)

    async def run_once(self) -> dict[Prunable, int]:
        """One pass; how many of each were deleted. Raises: DatabaseUnavailable."""
        deleted = {what: await self._all_of(what) for what in Prunable if self._settings.days(what)}
        if any(deleted.values()):
            _log.info("pruned", **{what.value: count for what, count in deleted.items()})
        return deleted

    async def _all_of(self, what: Prunable) -> int:
        deleted, after = 0, None
        now_s = asyncio.get_running_loop().time
        while True:
            began_s, now = now_s(), self._clock()
            before = now - timedelta(days=self._settings.days(what))
            async with self._db.write() as tx:
                if not await may_prune(tx):
                    return deleted
                batch = await prune(tx, what, before, now, after)
            deleted += batch.deleted
            metrics.PRUNED.labels(what=what.value).inc(batch.deleted)
            after = batch.after
            if after is None:
                return deleted
            rest_s = (now_s() - began_s) * _REST
            await asyncio.sleep(min(max(rest_s, _LEAST_REST_S), _LONGEST_REST_S))
