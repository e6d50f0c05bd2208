"""Frames on their way: one run for each attempt, and nobody waits behind a silent station."""

import asyncio
from datetime import UTC, datetime

from contract.commands import SendFrameInput, SendFrameResult, SendStatus
from domain.model.specs import Kind, UnlockSpec
from station_gateway.commands.runs import Runs

ANSWERED = SendFrameResult(SendStatus.ANSWERED)


def frame(
    command: str = "c1", attempt: int = 1, *, station: str = "CP1", line: str = ""
) -> SendFrameInput:
    return SendFrameInput(
        command=command,
        tenant="t",
        workflow_id=f"command/t/{command}",
        station=station,
        kind=Kind.UNLOCK_CONNECTOR,
        attempt=attempt,
        not_after=datetime(2026, 1, 1, tzinfo=UTC),
        answer_timeout_s=30.0,
        unlock=UnlockSpec(1, 1),
        line=line,
    )


class Station:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.got: list[SendFrameInput] = []
        self.told: list[SendFrameResult] = []
        self.answers = asyncio.Event()
        self.runs = Runs(self._send, lambda _, result: self.told.append(result))

    async def _send(self, request: SendFrameInput) -> SendFrameResult:
        self.got.append(request)
        await self.answers.wait()
        return ANSWERED


async def test_two_that_ask_for_one_attempt_share_its_run() -> None:
    station = Station()
    first = asyncio.create_task(station.runs.offer(frame(), 30.0))
    second = asyncio.create_task(station.runs.offer(frame(), 30.0))
    await asyncio.sleep(0)
    station.answers.set()
    assert (await first, await second) == (ANSWERED, ANSWERED)
    assert (len(station.got), station.told) == (1, [ANSWERED])


async def test_another_attempt_is_another_run() -> None:
    station = Station()
    station.answers.set()
    await station.runs.offer(frame(attempt=1), 30.0)
    await station.runs.offer(frame(attempt=2), 30.0)
    assert [each.attempt for each in station.got] == [1, 2]


async def test_a_run_outlives_whoever_offered_it() -> None:
    station = Station()
    assert await station.runs.offer(frame(), 0.0) is None
    station.answers.set()
    assert await station.runs.of(frame()) == ANSWERED
    assert len(station.got) == 1


async def test_nobody_waits_behind_a_frame_that_its_station_did_not_answer() -> None:
    station = Station()
    assert await station.runs.offer(frame("c1"), 0.01) is None
    async with asyncio.timeout(5.0):
        assert await station.runs.offer(frame("c2"), 3_600.0) is None
    station.answers.set()
    await station.runs.of(frame("c1"))
    await station.runs.of(frame("c2"))
    assert await station.runs.offer(frame("c3"), 3_600.0) == ANSWERED


async def test_other_stations_are_waited_for_beside_a_silent_one() -> None:
    station = Station()
    assert await station.runs.offer(frame("c1"), 0.01) is None
    waiting = asyncio.create_task(station.runs.offer(frame("c2", station="CP2"), 3_600.0))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    station.answers.set()
    assert await waiting == ANSWERED
