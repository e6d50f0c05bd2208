"""Finds the events that credentials have chosen, in the logs, and has them posted.

Whoever writes a fact writes its change, as ever, and nothing more: no report of a station and no
relayed frame costs more because somebody has chosen events. The workers read the logs behind them,
each log from the place up to which it was read for the credential (`fleet.event_posts`). In one
transaction the place moves, each event that was chosen gets its row, and the workflow that posts
it its wake-up. So an event is found once, whichever process dies.

Every worker may look: the one that moves the place first has found what lies between.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from domain.callback_events import (
    EventSubject,
    event_id,
    is_chosen,
    next_sequence,
    subjects_of,
    thread_id,
    type_of_change,
    type_of_states,
)
from domain.callbacks import DeliveryCause, DeliveryState
from fleet import event_posts
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.event_posts import EventDelivery, EventFeed
from fleet.log import changes_read
from fleet.log.changes import STATIONS
from fleet.log.changes_read import ChangeEntry, ChangeFilter
from fleet.log.event_log import Entry, Filter, head
from fleet.log.order import Cursor
from fleet.log.pool_logs import (
    BOOKING_LOG,
    BOOKINGS,
    WAITLIST_LOG,
    WAITLISTS,
    PoolChange,
    PoolLog,
    PoolSelection,
)
from fleet.log.postgres_notification import path
from fleet.log.reservations import RESERVATIONS
from fleet.log.watchers import LogGrowth
from journal.bookings.rows import stations_of
from journal.callback_outbox import wake_event_posts
from journal.clock import Clock
from telemetry import metrics

RESERVED = "reservations"
"""The feed of the log of reservations. `STATIONS` is that of stations and their sessions,
`BOOKINGS` that of bookings, `WAITLISTS` that of waiting lists."""

IDLE_S = 2.0
"""How often it is looked for the first credential that chooses events."""

POLL_S, RECOVERY_S = 5.0, 0.5
_PAUSE_S = 0.05  # what is committed meanwhile is found together
_WARM_S = 5.0  # for so long after news there may be more, which an older transaction held back
_AGAIN_S = 0.25  # how often it is looked for these
_KEEP_S = 10.0  # how old the stored place of a feed without events may be
_BATCH = 200

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class FoundEvent:
    """Something that happened. number: of the change, in its log or of its resource.

    stations: all that a receiver has to see to be told of what happens in a pool.
    """

    cursor: Cursor
    subject: EventSubject
    resource: str
    station: str
    type: str
    number: int
    time: datetime
    revision: int = 0
    facts: dict[str, str] | None = None
    stations: tuple[str, ...] = ()

    def is_within(self, groups: tuple[str, ...]) -> bool:
        """Whether a receiver that may see these groups of stations may be told."""
        about = self.stations or (self.station,)
        return not groups or all(each.startswith(groups) for each in about)


@dataclass(frozen=True)
class _ReadLog:
    """A log that tells events, and how it is read."""

    tells: frozenset[EventSubject]
    head: Callable[[Tx], Awaitable[Cursor]]
    read: Callable[[Tx, str, Cursor], Awaitable[list[FoundEvent]]]


async def _changes(tx: Tx, tenant: str, cursor: Cursor) -> list[FoundEvent]:
    found = await changes_read.read_after(tx, cursor, ChangeFilter(tenant, None), _BATCH)
    return [_of_change(each) for each in found]


def _of_change(change: ChangeEntry) -> FoundEvent:
    subject = EventSubject.TRANSACTION if change.session else EventSubject.STATION
    return FoundEvent(
        cursor=change.cursor,
        subject=subject,
        resource=change.session or change.station,
        station=change.station,
        type=type_of_change(subject, change.what),
        number=change.seq,
        time=change.time,
        facts=change.facts,
    )


async def _reservations(tx: Tx, tenant: str, cursor: Cursor) -> list[FoundEvent]:
    entries = await RESERVATIONS.read_after(tx, cursor, Filter(tenant), _BATCH)
    return [await _of_reservation(tx, each) for each in entries]


async def _of_reservation(tx: Tx, entry: Entry) -> FoundEvent:
    history = await RESERVATIONS.history(tx, tenant=entry.tenant, name=entry.name)
    before = next((each for each in history if each.revision == entry.revision - 1), None)
    return FoundEvent(
        cursor=Cursor(entry.tx_id, entry.seq),
        subject=EventSubject.RESERVATION,
        resource=entry.name,
        station=entry.snapshot["station"],
        type=type_of_states(
            EventSubject.RESERVATION,
            before.snapshot["state"] if before else None,
            entry.snapshot["state"],
        ),
        number=entry.revision,
        time=entry.time,
        revision=entry.revision,
    )


@dataclass(frozen=True)
class _PoolEvents:
    """How a log of what happens in pools tells events. state: of a snapshot."""

    log: PoolLog
    subject: EventSubject
    state: Callable[[dict[str, Any]], str]

    async def read(self, tx: Tx, tenant: str, cursor: Cursor) -> list[FoundEvent]:
        """See `_ReadLog`."""
        found = await self.log.read_after(tx, cursor, PoolSelection(tenant), _BATCH)
        pools = {each.pool for each in found}
        stations = {pool: await stations_of(tx, tenant, pool) for pool in pools}
        return [await self._event(tx, each, stations[each.pool]) for each in found]

    async def _event(self, tx: Tx, change: PoolChange, stations: tuple[str, ...]) -> FoundEvent:
        history = await self.log.history(tx, change.tenant, change.name)
        before = next((each for each in history if each.revision == change.revision - 1), None)
        state_before = self.state(before.snapshot) if before else None
        return FoundEvent(
            cursor=change.cursor,
            subject=self.subject,
            resource=change.name,
            station="",
            type=type_of_states(self.subject, state_before, self.state(change.snapshot)),
            number=change.revision,
            time=change.time,
            revision=change.revision,
            stations=stations,
        )


_OF_BOOKINGS = _PoolEvents(BOOKING_LOG, EventSubject.BOOKING, lambda told: str(told["state"]))
_OF_WAITLISTS = _PoolEvents(
    WAITLIST_LOG, EventSubject.WAITLIST, lambda told: str(told["entry"]["state"])
)


_LOGS = {
    STATIONS: _ReadLog(
        frozenset({EventSubject.STATION, EventSubject.TRANSACTION}), changes_read.head, _changes
    ),
    RESERVED: _ReadLog(frozenset({EventSubject.RESERVATION}), head, _reservations),
    BOOKINGS: _ReadLog(frozenset({EventSubject.BOOKING}), BOOKING_LOG.head, _OF_BOOKINGS.read),
    WAITLISTS: _ReadLog(frozenset({EventSubject.WAITLIST}), WAITLIST_LOG.head, _OF_WAITLISTS.read),
}


async def choose(tx: Tx, tenant: str, caller: str, event_types: Sequence[str]) -> None:
    """Have what happens from now on found for the credential, as far as it chose it.

    What was found and not posted yet is still posted.
    """
    subjects = subjects_of(event_types)
    wanted = [name for name, log in _LOGS.items() if log.tells & subjects]
    await event_posts.end_feeds(tx, tenant, caller, besides=wanted)
    for name in wanted:
        here = await _LOGS[name].head(tx)
        await event_posts.begin_feed(tx, tenant, caller, name, (here.tx_id, here.seq))


@dataclass
class _Reading:
    """How far a feed was read. kept_s: when that was last stored. looked_s: when it was read.

    told_s: when there were news that named what it tells of.
    """

    seen: Cursor
    kept_s: float
    looked_s: float = 0.0
    told_s: float = 0.0

    def is_due(self, feed: EventFeed, news: LogGrowth | None, now_s: float) -> bool:
        """Whether to look. news: None: there may be some anywhere.

        A tenant of which nothing was told costs a look every few seconds, however busy others are.
        """
        if news is None or news.unnamed or _names(feed, news):
            self.told_s = now_s
            return True
        since_s = now_s - self.looked_s
        is_warm = now_s - self.told_s < _WARM_S
        return since_s >= POLL_S or (is_warm and (not news.named or since_s >= _AGAIN_S))


class EventFeeds:
    """Reads the logs for those who chose events."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._readings: dict[tuple[str, str, str], _Reading] = {}

    async def run(self) -> None:
        """Follow the logs while anybody has chosen events, until it is cancelled."""
        while True:
            pause_s = IDLE_S
            try:
                if await self.look():
                    await self._follow()
            except DatabaseUnavailable:
                _log.warning("events_wait_for_the_database")
                pause_s = RECOVERY_S
            await asyncio.sleep(pause_s)

    async def _follow(self) -> None:
        """Until nobody has chosen events any longer."""
        async with self._db.watch() as growth:
            has_grown = await growth.wait(0)
            while await self.look(growth.take() if has_grown else None):
                await asyncio.sleep(_PAUSE_S)
                has_grown = await growth.wait(POLL_S)

    async def look(self, news: LogGrowth | None = None) -> bool:
        """Have posted what was chosen since the last look. False: nobody has chosen anything.

        news: only where these may have come from; None: everywhere. Raises: DatabaseUnavailable.
        """
        async with self._db.read() as tx:
            feeds = await event_posts.feeds(tx)
        for feed in feeds:
            if feed.log not in _LOGS:
                continue  # a newer process reads it
            key = feed.tenant, feed.caller, feed.log
            stored = Cursor(feed.tx_id, feed.seq)
            reading = self._readings.setdefault(key, _Reading(stored, _now_s()))
            reading.seen = max(reading.seen, stored)
            if reading.is_due(feed, news, _now_s()):
                await self._catch_up(feed, reading)
        return bool(feeds)

    async def _catch_up(self, feed: EventFeed, reading: _Reading) -> None:
        log = _LOGS[feed.log]
        reading.looked_s = _now_s()
        while True:
            async with self._db.read() as tx:
                end = await log.head(tx)
                found = await log.read(tx, feed.tenant, reading.seen)
            is_full = len(found) == _BATCH
            place = found[-1].cursor if is_full else max(reading.seen, end)
            chosen = [each for each in found if _wants(feed, each)]
            if chosen or (place > reading.seen and _now_s() - reading.kept_s > _KEEP_S):
                moved = await self._move(feed, place, chosen)
                if moved is None:
                    return  # another process was first: the next look begins where it is
                feed, reading.kept_s = moved, _now_s()
            reading.seen = place
            if not is_full:
                return

    async def _move(
        self, feed: EventFeed, place: Cursor, chosen: Sequence[FoundEvent]
    ) -> EventFeed | None:
        now = self._clock()

        # A transaction of its own: nobody else's write waits with it for another worker's move.
        async with self._db.write() as tx:
            if not await event_posts.move(tx, feed, (place.tx_id, place.seq)):
                return None
            for step, event in enumerate(chosen):  # lists tell them in this order
                await _make(tx, feed, event, now + step * timedelta.resolution)
        if feed.disabled:
            metrics.CALLBACKS.labels(DeliveryState.PARKED.value).inc(len(chosen))
        return replace(feed, tx_id=place.tx_id, seq=place.seq)


async def _make(tx: Tx, feed: EventFeed, event: FoundEvent, now: datetime) -> None:
    """Write the row of an event, and wake whoever posts it; while disabled it is parked."""
    thread = thread_id(feed.caller, event.subject, event.resource)
    last = await event_posts.last_sequence(tx, feed.tenant, thread)
    sequence = next_sequence(event.number, last)
    row = EventDelivery(
        id=event_id(feed.tenant, thread, sequence),
        tenant=feed.tenant,
        thread=thread,
        sequence=sequence,
        caller=feed.caller,
        subject=event.subject.value,
        resource=event.resource,
        station=event.station,
        news=event.type,
        revision=event.revision,
        facts=event.facts,
        change_time=event.time,
        url=feed.url,
        state=DeliveryState.PENDING.value,
        create_time=now,
        update_time=now,
    )
    if feed.disabled:
        reason = "The credential's callbacks are disabled."
        parked, cause = DeliveryState.PARKED.value, DeliveryCause.DISABLED.value
        await event_posts.make(tx, replace(row, state=parked, cause=cause, reason=reason))
        return
    await event_posts.make(tx, row)
    await wake_event_posts(tx, row, "event", now)


def _wants(feed: EventFeed, event: FoundEvent) -> bool:
    return is_chosen(feed.event_types or (), event.type) and event.is_within(
        tuple(feed.station_groups or ())
    )


def _names(feed: EventFeed, news: LogGrowth) -> bool:
    """Whether news name what the feed tells of."""
    others = {path(feed.tenant, word) for word in (STATIONS, BOOKINGS, WAITLISTS)}
    if feed.log != RESERVED:
        return path(feed.tenant, feed.log) in news.named
    mine = path(feed.tenant, "")
    return any(each.startswith(mine) and each not in others for each in news.named)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
