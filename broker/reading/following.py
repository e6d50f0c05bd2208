"""Follows the logs: one reader per process wakes the calls that wait for a change.

There are four logs: that of commands and reservations (`fleet.log.event_log`), that of changes
of stations and their transactions (`fleet.log.changes`), and those of bookings and of waiting lists
(`fleet.log.pool_logs`). Each is followed for those who wait for it alone, so that stations that
report all day wake nobody who watches commands.

No call sleeps through a change, for two reasons. A waiting call registers before it reads the
newest snapshot, and the reader never skips an entry that it has not looked at. A wake-up carries no
fact: the call that is woken reads the log itself.

A call that waits for one resource, a command or a reservation, is woken by its name, as soon as the
database tells the name. The reader looks into the log for two purposes only: for calls that follow
everything, and for changes whose names the database did not tell.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field

import structlog

from broker.reading.standstill import Standstill
from fleet.database import Database
from fleet.engine.statements import Tx
from fleet.engine.unavailable import DatabaseUnavailable
from fleet.log import changes_read
from fleet.log.changes import STATIONS
from fleet.log.event_log import changed_after, head
from fleet.log.horizon import is_hiding
from fleet.log.order import Cursor
from fleet.log.pool_logs import BOOKING_LOG, BOOKINGS, WAITLIST_LOG, WAITLISTS
from fleet.log.postgres_notification import path
from fleet.log.watchers import LogGrowth
from telemetry import metrics
from telemetry.supervision import background

_logger = structlog.get_logger(__name__)

POLL_S = 5.0
RECOVERY_S = 0.5
_OTHER_NEWS_PAUSE_S = 0.25
_BATCH = 500


@dataclass(frozen=True)
class _Log:
    """A log, and how it is read. word: what notifications name it by; "": they name resources."""

    word: str
    head: Callable[[Tx], Awaitable[Cursor]]
    changed_after: Callable[[Tx, str, Cursor, int], Awaitable[list[tuple[Cursor, str]]]]

    def may_have_grown(self, tenant: str, news: LogGrowth) -> bool:
        """Whether it may have grown for the tenant. An echo, which names nothing, may be of it."""
        if news.unnamed or not news.named:
            return True
        if self.word:
            return path(tenant, self.word) in news.named
        return any(not each.endswith(_WORDS) for each in news.named)


_WORDS = (path("", STATIONS), path("", BOOKINGS), path("", WAITLISTS))
_RESOURCES = _Log("", head, changed_after)
_STATIONS = _Log(STATIONS, changes_read.head, changes_read.changed_after)
_BOOKINGS = _Log(BOOKINGS, BOOKING_LOG.head, BOOKING_LOG.changed_after)
_WAITLISTS = _Log(WAITLISTS, WAITLIST_LOG.head, WAITLIST_LOG.changed_after)


@dataclass
class _Tail:
    """How far a log of one tenant was looked at, and which events wait for more of it.

    cursor: None while nothing has to be looked at. looked_s: when it was looked at last.
    """

    log: _Log
    cursor: Cursor | None = None
    looked_s: float = 0.0
    by_name: dict[str, set[asyncio.Event]] = field(default_factory=dict)
    listeners: set[asyncio.Event] = field(default_factory=set)

    def is_due(self, tenant: str, news: LogGrowth, now_s: float) -> bool:
        """Whether to look, on these news.

        News of the other log are reason enough after a while: an own change that an older
        transaction held back may be visible by now, and its echo may have come with them.
        """
        return self.log.may_have_grown(tenant, news) or now_s - self.looked_s >= _OTHER_NEWS_PAUSE_S

    def wake(self, name: str) -> None:
        for event in self.by_name.get(name, ()):
            event.set()

    def wake_all(self) -> None:
        for events in (self.listeners, *self.by_name.values()):
            for event in events:
                event.set()


class LogFollower:
    """Wakes calls when a log has grown. Has to run for as long as the broker serves."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._tails: dict[tuple[_Log, str], _Tail] = {}
        self._standstill = Standstill()
        self._measure_at_s = 0.0

    @contextmanager
    def resource(self, tenant: str, name: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever this command or reservation may have changed."""
        tail = self._tail(_RESOURCES, tenant)
        event = asyncio.Event()
        tail.by_name.setdefault(name, set()).add(event)
        try:
            yield event
        finally:
            waiting = tail.by_name[name]
            waiting.discard(event)
            if not waiting:
                del tail.by_name[name]

    @contextmanager
    def tenant(self, tenant: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever any resource of this tenant may have changed."""
        with self._listening(self._tail(_RESOURCES, tenant)) as event:
            yield event

    @contextmanager
    def stations(self, tenant: str) -> Iterator[asyncio.Event]:
        """An event that is set when a station or a transaction of this tenant may have changed."""
        with self._listening(self._tail(_STATIONS, tenant)) as event:
            yield event

    @contextmanager
    def bookings(self, tenant: str) -> Iterator[asyncio.Event]:
        """An event that is set when a booking of this tenant may have changed."""
        with self._listening(self._tail(_BOOKINGS, tenant)) as event:
            yield event

    @contextmanager
    def waitlists(self, tenant: str) -> Iterator[asyncio.Event]:
        """An event that is set when a waiting list of this tenant may have changed."""
        with self._listening(self._tail(_WAITLISTS, tenant)) as event:
            yield event

    def _tail(self, log: _Log, tenant: str) -> _Tail:
        return self._tails.setdefault((log, tenant), _Tail(log))

    @contextmanager
    def _listening(self, tail: _Tail) -> Iterator[asyncio.Event]:
        event = asyncio.Event()
        tail.listeners.add(event)
        try:
            yield event
        finally:
            tail.listeners.discard(event)

    def running(self) -> AbstractAsyncContextManager[None]:
        """Follows the log while the context is open."""
        return background("log-follower", self._run)

    async def _run(self) -> None:
        while True:
            try:
                await self._follow()
            except DatabaseUnavailable:  # waiting calls return when their time is over
                _logger.warning("log_not_followed", error=DatabaseUnavailable.__name__)
                await asyncio.sleep(RECOVERY_S)

    async def _follow(self) -> None:
        async with self._db.watch() as changes:
            for tail in self._tails.values():
                tail.wake_all()  # the log may have grown while it was not followed
            grown = True
            while True:
                await self._pass_on(changes.take(), everything=not grown)
                await self._measure()
                grown = await changes.wait(POLL_S)

    async def _measure(self) -> None:
        """Show how long the log has hidden changes: a look every few seconds, however it grows."""
        now_s = asyncio.get_running_loop().time()
        if now_s < self._measure_at_s:
            return
        self._measure_at_s = now_s + POLL_S
        async with self._db.read() as tx:
            end = await head(tx)
            hiding = await is_hiding(tx, end)
        standstill_s = self._standstill.seen(end, is_hiding=hiding, now_s=now_s)
        metrics.LOG_HORIZON_AGE.set(standstill_s)
        if self._standstill.tell(standstill_s):
            _logger.warning("log_horizon_stands_still", seconds=round(standstill_s))

    async def _pass_on(self, news: LogGrowth, *, everything: bool) -> None:
        for (_, tenant), tail in tuple(self._tails.items()):
            for name in tuple(tail.by_name):
                if path(tenant, name) in news.named:
                    tail.wake(name)
            unnamed = everything or news.unnamed
            is_due = unnamed or tail.is_due(tenant, news, asyncio.get_running_loop().time())
            if (tail.listeners and is_due) or (tail.by_name and unnamed):
                while await self._look_at(tenant, tail) == _BATCH:
                    pass
            elif not tail.listeners:
                tail.cursor = None  # the next look begins at the end

    async def _look_at(self, tenant: str, tail: _Tail) -> int:
        tail.looked_s = asyncio.get_running_loop().time()
        async with self._db.read() as tx:
            end = await tail.log.head(tx)
            if tail.cursor is None:
                tail.cursor = end
                tail.wake_all()
                return 0
            grown = await tail.log.changed_after(tx, tenant, tail.cursor, _BATCH)
        for _, name in grown:
            tail.wake(name)
        if grown:
            for event in tail.listeners:
                event.set()
        tail.cursor = next_cursor(tail.cursor, end, [place for place, _ in grown], _BATCH)
        return len(grown)


def next_cursor(cursor: Cursor, end: Cursor, read: Sequence[Cursor], limit: int) -> Cursor:
    """How far the log was read. end: the log's head, taken before. read: the places of the entries.

    Behind a full batch there may be more entries. Behind a smaller one there are none up to the
    head, and those that did not fit the filter need not be looked at again.
    """
    last = read[-1] if read else cursor
    return last if len(read) == limit else max(last, end)
