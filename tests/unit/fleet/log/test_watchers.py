"""Tasks that wait for the log to grow, without a database."""

import asyncio
from collections.abc import Iterable

import pytest

from fleet.engine.commit_sources import Notify
from fleet.log.watchers import LogGrowth, LogWatchers


async def silent(_: Notify) -> None:
    """A source that hears of nothing."""
    await asyncio.Event().wait()


def watchers(*, echo: bool = False) -> LogWatchers:
    return LogWatchers(silent, echo=echo)


async def test_the_first_wait_is_immediate_and_names_nothing() -> None:
    async with watchers().watch() as watcher:
        assert await watcher.wait(0)
        assert watcher.take() == LogGrowth(unnamed=True)
        assert not await watcher.wait(0.01)


async def test_every_watcher_learns_the_paths_once() -> None:
    ours = watchers()
    async with ours.watch() as one, ours.watch() as other:
        for watcher in (one, other):
            watcher.take()
        ours.notify(["acme/c1"])
        ours.notify(["acme/c2"])
        assert one.take() == other.take() == LogGrowth({"acme/c1", "acme/c2"})
        assert one.take() == LogGrowth()


async def test_an_echo_wakes_the_watcher_and_names_nothing() -> None:
    ours = watchers(echo=True)
    async with ours.watch() as watcher:
        ours.notify(["acme/c1"])
        assert await watcher.wait(0)
        watcher.take()
        assert await watcher.wait(5)
        assert watcher.take() == LogGrowth()


async def test_a_source_that_fails_is_opened_again_and_its_gap_is_notified() -> None:
    opened = asyncio.Semaphore(0)

    async def frail(notify: Notify) -> None:
        opened.release()
        paths: Iterable[str] = ["acme/c1"]
        notify(paths)
        raise OSError

    async with LogWatchers(frail, echo=False).watch() as watcher:
        async with asyncio.timeout(10):
            await opened.acquire()
            assert watcher.take() == LogGrowth({"acme/c1"}, unnamed=True)
            await opened.acquire()
        assert watcher.take() == LogGrowth({"acme/c1"}, unnamed=True)


async def test_a_source_that_is_broken_is_told_to_every_watcher_and_opened_for_a_new_one() -> None:
    opened = 0

    async def broken(_: Notify) -> None:
        nonlocal opened
        opened += 1
        raise KeyError("a mistake of ours")

    ours = LogWatchers(broken, echo=False)
    for times in (1, 2):
        async with ours.watch() as watcher, asyncio.timeout(10):
            with pytest.raises(KeyError):
                while True:
                    await watcher.wait(5)
        assert opened == times
