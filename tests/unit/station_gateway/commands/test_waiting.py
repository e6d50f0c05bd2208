"""Waiting for one's turn at a station."""

import asyncio

import pytest

from station_gateway.commands.waiting import Line, StationGone
from station_gateway.session.queue import LaneFull, Priority


def in_s(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


async def stand(line: Line, key: str, priority: Priority = Priority.NORMAL, s: float = 5) -> None:
    await line.stand(key, priority, in_s(s))


async def test_the_first_one_does_not_wait_and_says_nothing() -> None:
    said: list[int] = []

    async def say(ahead: int) -> None:
        said.append(ahead)

    line = Line(limit=2, progress_delay_s=0.0)
    await line.stand("a", Priority.NORMAL, in_s(1), say)
    assert said == []


async def test_who_waits_says_so_once_and_gets_its_turn() -> None:
    said: list[int] = []

    async def say(ahead: int) -> None:
        said.append(ahead)
        line.leave("a")

    line = Line(limit=2, progress_delay_s=0.0)
    await stand(line, "a")
    await line.stand("b", Priority.NORMAL, in_s(1), say)
    assert (said, line.length) == ([1], 1)


async def test_who_is_late_leaves_the_line() -> None:
    line = Line(limit=3, progress_delay_s=1.0)
    await stand(line, "a")
    with pytest.raises(TimeoutError):
        await stand(line, "b", s=0.01)
    assert line.length == 1


async def test_who_is_cancelled_leaves_the_line_to_the_next() -> None:
    line = Line(limit=3, progress_delay_s=1.0)
    await stand(line, "a")
    cancelled, following = (asyncio.create_task(stand(line, key)) for key in "bc")
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.gather(cancelled, return_exceptions=True)
    line.leave("a")
    await following
    assert line.length == 1


async def test_when_the_station_goes_everybody_who_waits_is_told() -> None:
    line = Line(limit=3, progress_delay_s=1.0)
    await stand(line, "a")
    waiting = asyncio.create_task(stand(line, "b"))
    await asyncio.sleep(0)
    line.end()
    with pytest.raises(StationGone):
        await waiting


async def test_a_line_has_a_limit() -> None:
    line = Line(limit=1, progress_delay_s=1.0)
    await stand(line, "a")
    with pytest.raises(LaneFull):
        await stand(line, "b")
