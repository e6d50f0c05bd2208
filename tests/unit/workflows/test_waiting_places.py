"""Stations that fall silent at once beside others that answer, in the slots of one worker.

In virtual time: what is measured is how long decisions wait for a slot and for their stations, and
it is the same on every machine. What the same decisions cost a busy core is the bench's.
"""

import asyncio
from dataclasses import dataclass, field

from tests.simulation.repeatable.virtual_time import VirtualLoop, run
from workflows.activities.places import WaitingPlaces
from workflows.settings import WorkerSettings

SILENT = 200
OTHERS = 500
FOR_S = 10.0
WORK_S = 0.005
"""What a decision does beside waiting, before and after."""
ANSWER_S = 0.03
QUEUE_S = 0.05
"""How much longer an answer takes that is asked for over the task queue."""

SETTINGS = WorkerSettings()


@dataclass
class Worker:
    """Its slots, and its places for decisions that wait."""

    waiting: int
    times_s: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.slots = asyncio.Semaphore(SETTINGS.max_workflow_tasks)
        self.places = WaitingPlaces(self.waiting)

    async def decide(self, answer_s: float) -> bool:
        """One first decision; whether the station's answer came to it."""
        async with self.slots:
            await asyncio.sleep(WORK_S)
            place = self.places.take()
            wait_s = min(answer_s, SETTINGS.direct_wait_s)
            given_up, _ = await asyncio.wait({place}, timeout=wait_s)
            self.places.leave(place)
            await asyncio.sleep(WORK_S)
        return not given_up and answer_s <= wait_s

    async def silent(self, number: int) -> None:
        """A start at a station that says nothing; all come within a second."""
        await asyncio.sleep(FOR_S / 2 + number / SILENT)
        await self.decide(float("inf"))

    async def other(self, number: int) -> None:
        """A start at a station that answers."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(number * FOR_S / OTHERS)
        begin_s = loop.time()
        if not await self.decide(ANSWER_S):
            await asyncio.sleep(QUEUE_S)
        self.times_s.append(loop.time() - begin_s)


def p99_s(*, silent: int, waiting: int) -> float:
    """Of the others, beside so many stations that fall silent at once."""

    async def play() -> Worker:
        worker = Worker(waiting)
        others = [worker.other(number) for number in range(OTHERS)]
        await asyncio.gather(*others, *(worker.silent(number) for number in range(silent)))
        return worker

    worker = run(play(), VirtualLoop())
    return sorted(worker.times_s)[int(0.99 * OTHERS)]


def test_200_stations_that_fall_silent_at_once_hold_nobody_up() -> None:
    places = SETTINGS.max_waiting_tasks
    alone = p99_s(silent=0, waiting=places)
    assert p99_s(silent=SILENT, waiting=places) <= 1.1 * alone


def test_without_a_limit_they_would_hold_others_up_for_seconds() -> None:
    assert p99_s(silent=SILENT, waiting=10**6) > 5.0
