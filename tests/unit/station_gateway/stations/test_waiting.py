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

    def say(ahead: int) -> None:
        said.append(ahead)

    queue = StationQueue(limit=2, progress_delay_s=0.0)
    await queue.wait_turn("a", Priority.NORMAL, in_s(1), say)
    assert said == []


async def test_who_waits_says_so_once_and_gets_its_turn() -> None:
    said: list[int] = []

    def say(ahead: int) -> None:
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


async def test_a_turn_that_is_lent_goes_to_who_passes_alone() -> None:
    queue = StationQueue(limit=4, progress_delay_s=1.0)
    await wait_turn(queue, "ours")
    following = asyncio.create_task(wait_turn(queue, "more of ours"))
    passing = asyncio.create_task(queue.wait_turn("theirs", Priority.NORMAL, in_s(5), passes=True))
    await asyncio.sleep(0)
    queue.lend("ours")
    await passing
    assert not queue.take_back("ours")
    assert not queue.take_free_turn("more of theirs", Priority.NORMAL)
    waiting = asyncio.create_task(queue.wait_back("ours", in_s(5)))
    await asyncio.sleep(0)
    queue.leave("theirs")
    await waiting
    assert not following.done()
    queue.leave("ours")
    await following


async def test_a_turn_that_was_lent_in_vain_is_there_again() -> None:
    queue = StationQueue(limit=4, progress_delay_s=1.0)
    await wait_turn(queue, "ours")
    queue.lend("ours")
    assert queue.take_free_turn("theirs", Priority.NORMAL)
    queue.leave("theirs")
    await queue.wait_back("ours", in_s(0))
    queue.lend("ours")
    assert queue.take_back("ours")
    queue.end()
    with pytest.raises(StationGone):
        await queue.wait_back("ours", in_s(1))


async def test_what_was_answered_counts_until_it_is_recorded() -> None:
    queue = StationQueue(limit=4, progress_delay_s=1.0)
    await wait_turn(queue, "a")
    queue.answered("a")
    assert (queue.length, queue.busy) == (0, True)
    await wait_turn(queue, "b")
    recorded, emptied = (asyncio.create_task(each) for each in (queue.recorded(), queue.emptied()))
    await asyncio.sleep(0)
    queue.leave("a")
    await recorded
    assert not emptied.done()
    queue.leave("b")
    await emptied
