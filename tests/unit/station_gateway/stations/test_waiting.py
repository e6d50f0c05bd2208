"""Waiting for one's turn at a station."""

import asyncio

import pytest

from station_gateway.session.queue import Priority, QueueFull
from station_gateway.stations.waiting import StationGone, StationQueue


def in_s(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


async def wait_turn(
    queue: StationQueue, key: str, priority: Priority = Priority.NORMAL, s: float = 5
) -> None:
    await queue.wait_turn(key, priority, in_s(s))


async def test_the_first_one_does_not_wait_and_says_nothing() -> None:
    said: list[int] = []

    async def say(ahead: int) -> None:
        said.append(ahead)

    queue = StationQueue(limit=2, progress_delay_s=0.0)
    await queue.wait_turn("a", Priority.NORMAL, in_s(1), say)
    assert said == []


async def test_who_waits_says_so_once_and_gets_its_turn() -> None:
    said: list[int] = []

    async def say(ahead: int) -> None:
        said.append(ahead)
        queue.leave("a")

    queue = StationQueue(limit=2, progress_delay_s=0.0)
    await wait_turn(queue, "a")
    await queue.wait_turn("b", Priority.NORMAL, in_s(1), say)
    assert (said, queue.length) == ([1], 1)


async def test_who_is_late_leaves_the_queue() -> None:
    queue = StationQueue(limit=3, progress_delay_s=1.0)
    await wait_turn(queue, "a")
    with pytest.raises(TimeoutError):
        await wait_turn(queue, "b", s=0.01)
    assert queue.length == 1


async def test_who_gives_way_to_a_stop_is_told_so_at_once() -> None:
    queue = StationQueue(limit=2, progress_delay_s=1.0)
    await wait_turn(queue, "a")
    start = asyncio.create_task(wait_turn(queue, "start"))
    await asyncio.sleep(0)
    stop = asyncio.create_task(wait_turn(queue, "stop", Priority.URGENT))
    with pytest.raises(QueueFull):
        await start
    queue.leave("a")
    await stop
    assert queue.length == 1


async def test_who_is_cancelled_leaves_the_queue_to_the_next() -> None:
    queue = StationQueue(limit=3, progress_delay_s=1.0)
    await wait_turn(queue, "a")
    cancelled, following = (asyncio.create_task(wait_turn(queue, key)) for key in "bc")
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.gather(cancelled, return_exceptions=True)
    queue.leave("a")
    await following
    assert queue.length == 1


async def test_when_the_station_goes_everybody_who_waits_is_told() -> None:
    queue = StationQueue(limit=3, progress_delay_s=1.0)
    await wait_turn(queue, "a")
    waiting = asyncio.create_task(wait_turn(queue, "b"))
    await asyncio.sleep(0)
    queue.end()
    with pytest.raises(StationGone):
        await waiting


async def test_a_queue_has_a_limit() -> None:
    queue = StationQueue(limit=1, progress_delay_s=1.0)
    await wait_turn(queue, "a")
    with pytest.raises(QueueFull):
        await wait_turn(queue, "b")
