"""How far the log was read."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from prometheus_client import REGISTRY

from broker.reading.following import _RESOURCES, _STATIONS, LogFollower, _Tail, next_cursor
from fleet.database import Database
from fleet.log.order import Cursor
from fleet.log.watchers import LogGrowth, LogWatcher


def test_a_reader_skips_what_did_not_concern_it_but_not_what_it_has_not_read() -> None:
    start, end = Cursor(0, 10), Cursor(0, 90)
    assert next_cursor(start, end, [], 2) == end
    assert next_cursor(start, end, [Cursor(0, 20)], 2) == end
    assert next_cursor(start, end, [Cursor(0, 20), Cursor(0, 30)], 2) == Cursor(0, 30)
    assert next_cursor(start, end, [Cursor(0, 95)], 2) == Cursor(0, 95)


class BrokenLog:
    """A database whose log cannot be followed, for a reason of our own."""

    def __init__(self) -> None:
        self.opened = asyncio.Semaphore(0)

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[LogWatcher]:
        self.opened.release()
        raise KeyError("planted")
        yield LogWatcher()


async def test_a_follower_that_fails_is_counted_and_started_again() -> None:
    log = BrokenLog()
    labels = {"task": "log-follower"}
    before = REGISTRY.get_sample_value("evcommand_task_failures_total", labels) or 0.0
    async with LogFollower(cast(Database, log)).running(), asyncio.timeout(10):
        await log.opened.acquire()
        await log.opened.acquire()
    after = REGISTRY.get_sample_value("evcommand_task_failures_total", labels) or 0.0
    assert after - before >= 1


def test_each_log_is_looked_at_when_it_may_have_grown_and_not_for_the_other_one() -> None:
    def heard(*named: str, unnamed: bool = False) -> tuple[bool, bool]:
        news = LogGrowth(set(named), unnamed)
        return tuple(log.may_have_grown("acme", news) for log in (_RESOURCES, _STATIONS))  # type: ignore[return-value]

    assert heard("acme/0b9c4f0e") == (True, False)
    assert heard("acme/stations") == (False, True)
    assert heard("other/stations") == (False, False)
    assert heard("acme/stations", "acme/0b9c4f0e") == (True, True)
    assert heard() == heard(unnamed=True) == (True, True)  # an echo, and SQLite, name nothing


def test_news_of_the_other_log_are_a_reason_to_look_after_a_while() -> None:
    """Under traffic without a pause no echo comes alone."""
    tail, others = _Tail(_STATIONS, looked_s=100.0), LogGrowth({"acme/0b9c4f0e"})
    due = [tail.is_due("acme", others, now_s) for now_s in (100.0, 100.2, 100.25, 200.0)]
    assert due == [False, False, True, True]
    assert tail.is_due("acme", LogGrowth({"acme/stations"}), 100.0)
