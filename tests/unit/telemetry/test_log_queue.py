"""A log that nobody reads stops no process: lines wait in a bounded queue, or are dropped."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry.log_queue import LogQueue
from telemetry.metrics import DROPPED_LOGS

ANSWERS_WHILE_IT_LOGS = """
import asyncio, sys
import structlog
from telemetry.logs import LogFormat, configure_logs

async def answer(reader, writer):
    log = structlog.get_logger("test")
    while line := await reader.readline():
        for number in range(100):
            log.info("asked", padding="x" * 1000, number=number)
        writer.write(line)
    writer.close()

async def main():
    configure_logs("test", form=LogFormat.JSON)
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""

REPOSITORY = Path(__file__).parents[3]


class Talking:
    """A process that logs 100 lines of 1 KB before each answer; nobody reads its log at first."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", ANSWERS_WHILE_IT_LOGS],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    async def answers(self, times: int) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        told = 0
        async with asyncio.timeout(20):
            for _ in range(times):
                writer.write(b"hello\n")
                told += await reader.readline() == b"hello\n"
        writer.close()
        return told

    def end(self) -> None:
        """Closes its input, which ends it."""
        assert self.process.stdin is not None
        self.process.stdin.close()


@pytest.fixture
def talking() -> Iterator[Talking]:
    talking = Talking()
    yield talking
    talking.process.kill()
    talking.process.wait()
    for pipe in (talking.process.stdin, talking.process.stdout, talking.process.stderr):
        if pipe is not None:
            pipe.close()


async def test_a_process_whose_log_pipe_nobody_reads_goes_on_to_answer(talking: Talking) -> None:
    assert await talking.answers(50) == 50


async def test_a_process_whose_log_pipe_nobody_reads_ends_in_time(talking: Talking) -> None:
    await talking.answers(2)
    talking.end()
    assert await asyncio.to_thread(talking.process.wait, 10) == 0


async def test_what_is_queued_at_the_end_of_a_process_is_written(talking: Talking) -> None:
    await talking.answers(3)
    talking.end()
    assert talking.process.stderr is not None
    lines = (await asyncio.to_thread(talking.process.stderr.read)).splitlines()
    told = [json.loads(line) for line in lines]
    asked = [line["number"] for line in told if line["event"] == "asked"]
    assert asked == list(range(100)) * 3


class Pipe:
    """A pipe with a queue at its writing end."""

    def __init__(self, limit_bytes: int) -> None:
        self.reading, writing = os.pipe()
        self.queue = LogQueue(
            writing, limit_bytes=limit_bytes, notice=lambda count: f"{count} dropped"
        )
        os.close(writing)  # the queue has its own

    def fill(self) -> int:
        """Fills the pipe, so that the next write waits for a reader. Returns how many bytes."""
        os.set_blocking(self.queue.descriptor, False)
        filled = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                filled += os.write(self.queue.descriptor, b"f" * 4096)
        os.set_blocking(self.queue.descriptor, True)
        return filled

    def read_to_the_end(self) -> list[str]:
        """What the queue wrote, once it is closed."""
        with os.fdopen(self.reading) as stream:
            return stream.read().splitlines()


def test_lines_are_written_in_their_order() -> None:
    pipe = Pipe(limit_bytes=10_000)
    for number in range(50):
        pipe.queue.put(f"line {number}")
    pipe.queue.close(5)
    assert pipe.read_to_the_end() == [f"line {number}" for number in range(50)]


def test_lines_beyond_the_limit_are_dropped_counted_and_told_when_the_pipe_flows_again() -> None:
    before = DROPPED_LOGS._value.get()
    pipe = Pipe(limit_bytes=200_000)
    filled = pipe.fill()  # else some lines leave the queue while others are put into it
    for _ in range(1_000):
        pipe.queue.put("x" * 999)
    dropped = DROPPED_LOGS._value.get() - before
    assert dropped == 800
    lines: list[str] = []
    with os.fdopen(pipe.reading) as stream:
        assert stream.read(filled) == "f" * filled
        while not lines or lines[-1] == "x" * 999:
            lines.append(stream.readline().rstrip("\n"))
        assert lines[-1] == "800 dropped"
        assert len(lines) == 201
        pipe.queue.put("told as before")
        pipe.queue.close(5)
        assert stream.read().splitlines() == ["told as before"]


def test_closing_a_queue_that_nobody_reads_takes_no_longer_than_its_limit() -> None:
    pipe = Pipe(limit_bytes=1_000_000)
    for _ in range(200):
        pipe.queue.put("x" * 999)
    assert not pipe.queue.close(0.05)
    os.close(pipe.reading)
    assert pipe.queue.close(5)  # what it lost is counted in this test


def test_a_pipe_that_its_reader_closed_loses_lines_counts_them_and_raises_nothing() -> None:
    before = DROPPED_LOGS._value.get()
    pipe = Pipe(limit_bytes=1_000)
    os.close(pipe.reading)
    pipe.queue.put("lost")
    assert pipe.queue.close(5)
    assert DROPPED_LOGS._value.get() == before + 1


def test_a_pipe_that_another_process_made_non_blocking_loses_nothing() -> None:
    pipe = Pipe(limit_bytes=1_000_000)
    os.set_blocking(pipe.queue.descriptor, False)
    for _ in range(200):
        pipe.queue.put("x" * 999)
    with os.fdopen(pipe.reading) as stream:
        assert [len(stream.readline()) for _ in range(200)] == [1_000] * 200
        assert pipe.queue.close(5)
