"""The task that deletes what has been over for longer than its retention.

One process deletes at a time, and most of the time none: after each batch it rests for nine times
as long as the batch took. A rest costs nothing but a later end of the pass.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from fleet import connections, pruning
from fleet.database import Database
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.pruning import Prunable, may_prune, prune
from journal.settings import RetentionSettings
from telemetry import metrics

FIRST_PASS_S, NEXT_PASS_S = 60.0, 3_600.0
GATEWAYS_KEPT = timedelta(days=7)
"""How long after its lease ran out a gateway may come back to stations that were told as lost."""

_REST, _LEAST_REST_S, _LONGEST_REST_S = 9, 0.02, 5.0

_log = structlog.get_logger(__name__)


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
        deleted = {
            what: await self._all_of(what) for what in Prunable if self._settings.days(what.value)
        }
        gateways = await self._lost_gateways()
        if any(deleted.values()) or gateways:
            counts = {what.value: count for what, count in deleted.items()}
            _log.info("pruned", gateways=gateways, **counts)
        return deleted

    async def _lost_gateways(self) -> int:
        """Forget gateways that are gone; how many. There is one row of each that was killed."""
        before, deleted = self._clock() - GATEWAYS_KEPT, 0
        while True:
            async with self._db.write() as tx:
                if not await may_prune(tx):
                    return deleted
                count = await connections.forget_lost(tx, before, pruning.BATCH)
            deleted += count
            metrics.PRUNED.labels(what="gateways").inc(count)
            if count < pruning.BATCH:
                return deleted
            await asyncio.sleep(_LEAST_REST_S)

    async def _all_of(self, what: Prunable) -> int:
        deleted, after = 0, None
        now_s = asyncio.get_running_loop().time
        while True:
            began_s, now = now_s(), self._clock()
            before = now - timedelta(days=self._settings.days(what.value))
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
