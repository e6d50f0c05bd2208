"""Keeps what was odd in the reports of stations: what was mended, and what nobody could take.

A report that nobody could take is a fact, and is written as one: also after the database was away.
Mends are counted in memory. The first one of a kind is written soon, further ones once a minute.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from fleet import generations, reports
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.reports import MendedReports, UntakenRow
from journal.commands.waking import StationEvent, wake_concerned
from station_gateway.dialects.mending.mends import Mends
from station_gateway.session.events import Untaken
from station_gateway.stations.peer import Peer
from station_gateway.stations.ports import Unanswered
from station_gateway.stations.standing import Revoked, write_doubt_as
from station_gateway.waking import Waker
from telemetry import metrics

log = structlog.get_logger(__name__)

FLUSH_S = 60.0
"""How often counted mends are written."""

PATIENCE_S = 900.0
"""How long a report is kept in memory for a database that is away."""

WAITING_LIMIT = 2_000
"""Reports of all stations that are kept so; beyond it they are lost, which is an error."""

WAKE_PAUSE = timedelta(seconds=1)
"""A station that sends nothing but rubbish wakes commands no more often."""

COUNTED_LIMIT = 20_000
"""Stations times kinds that are remembered as written; beyond it all are written anew."""

_Key = tuple[str, str, str, str]
"""Station, action, kind, and the generation of the station."""


async def keep_untaken(tx: Tx, peer: Peer, told: Untaken, now: datetime) -> bool:
    """Write a report that nobody could take. Returns whether somebody is to be woken.

    Many of them in one breath wake once: who is woken reads all of them before it judges.
    """
    report = UntakenRow(
        told.action, told.reason, told.detail, told.evse_id, told.ocpp_transaction_id, now
    )
    recent = await reports.untaken_since(tx, peer.id, now - WAKE_PAUSE)
    if not await reports.add_untaken(tx, station=peer.id, key=told.key, report=report) or recent:
        return False
    event = StationEvent(
        peer.id,
        "untaken_report",
        evse_id=told.evse_id,
        ocpp_transaction_id=told.ocpp_transaction_id or None,
        message=told.action,
        told={"reason": told.reason, "detail": told.detail, "key": told.key},
    )
    return await wake_concerned(tx, event, now)


async def _until_written(write: Callable[[], Awaitable[object]], pause_s: float) -> None:
    while True:
        try:
            await write()
        except (DatabaseUnavailable, Unanswered):
            await asyncio.sleep(pause_s)
        except Revoked:
            return  # it is nobody's report
        else:
            return


class OddReports:
    """What was odd in the reports of all stations of this process."""

    def __init__(
        self,
        db: Database,
        waker: Waker,
        *,
        retry_pause_s: float,
        utc_now: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._waker = waker
        self._retry_pause_s = retry_pause_s
        self._utc_now = utc_now
        self._waiting: set[asyncio.Event] = set()
        self._counted: dict[_Key, MendedReports] = {}
        self._written: set[_Key] = set()

    async def untaken(self, peer: Peer, told: Untaken) -> None:
        """Keep a report that nobody could take, as soon as the database takes it. Never raises."""
        metrics.UNTAKEN_REPORTS.labels(reason=told.reason).inc()
        log.warning(
            "report_untaken",
            station=peer.id,
            action=told.action,
            reason=told.reason,
            detail=told.detail,
        )
        now = self._utc_now()

        async def write() -> None:
            if await write_doubt_as(self._db, peer, lambda tx: keep_untaken(tx, peer, told, now)):
                self._waker.kick()

        await self.persist(peer, told.action, write)

    async def taken(self, peer: Peer, told: Untaken) -> None:
        """A report that was kept for its reason was taken after all. Never raises."""

        async def write(tx: Tx) -> None:
            await reports.taken(tx, station=peer.id, key=told.key, reason=told.reason)

        await self.persist(peer, told.action, lambda: self._db.batch(write))

    async def persist(
        self, peer: Peer, action: str, write: Callable[[], Awaitable[object]]
    ) -> None:
        """Try to write until the database is back, or the patience ends. Never raises.

        write: raises DatabaseUnavailable or Unanswered while the database is away.
        """
        if len(self._waiting) >= WAITING_LIMIT:
            log.error("report_lost", station=peer.id, action=action)
            return
        over = asyncio.Event()
        self._waiting.add(over)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await _until_written(write, self._retry_pause_s)
        except Exception:
            log.exception("report_lost", station=peer.id, action=action)
        finally:
            self._waiting.remove(over)
            over.set()

    async def caught_up(self) -> None:
        """Return when none of the reports that wait for the database now does so any more."""
        for over in list(self._waiting):
            await over.wait()

    def mended(self, peer: Peer, action: str, mends: Mends) -> bool:
        """Count a message that was mended. Returns whether it is the first: flush soon then."""
        now, first = self._utc_now(), False
        for kind, field in mends.items():
            metrics.MENDED_REPORTS.labels(kind=kind.value).inc()
            key = (peer.id, action, kind.value, peer.generation)
            known = self._counted.get(key)
            if known is None:
                first = first or key not in self._written
                self._counted[key] = MendedReports(*key[:3], field, 1, now, now)
            else:
                self._counted[key] = replace(
                    known, field=field, times=known.times + 1, last_time=now
                )
        if first:
            log.info("report_mended", station=peer.id, action=action, mends=sorted(mends))
        return first

    async def flush(self) -> None:
        """Write what was counted. While the database is away it stays counted.

        What a station told whose generation is over is dropped: it is nobody's.
        """
        counted, self._counted = self._counted, {}
        if not counted:
            return

        async def write(tx: Tx) -> None:
            current = await generations.current(tx, sorted({key[0] for key in counted}), hold=True)
            for key in sorted(counted):
                if (right := current.get(key[0])) is not None and right.generation == key[3]:
                    await reports.add_mended(tx, counted[key])

        if len(self._written) > COUNTED_LIMIT:
            self._written.clear()
        self._written.update(counted)
        try:
            await self._db.batch(write)
        except DatabaseUnavailable:
            for key, lost in counted.items():
                newer = self._counted.get(key)
                self._counted[key] = (
                    lost
                    if newer is None
                    else replace(newer, times=newer.times + lost.times, first_time=lost.first_time)
                )

    async def run(self) -> None:
        """Write what was counted, again and again."""
        while True:
            await asyncio.sleep(FLUSH_S)
            await self.flush()


def words_of(mended: tuple[str, ...]) -> str | None:
    """What was mended, as the explanation shows it."""
    return ", ".join(mended) or None
