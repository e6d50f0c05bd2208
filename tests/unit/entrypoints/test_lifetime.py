"""A process ends in order at the first signal, during its start and afterwards.

The garbage collector rests while it starts, and only then.
"""

import gc
import os
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

from entrypoints.lifetime import quick_start

PROGRAM = """
import asyncio, sys
from entrypoints.lifetime import Lifetime

async def main(life):
    try:
        print("starting", flush=True)
        if "slow-start" in sys.argv:
            await asyncio.sleep(60)
        print("serving", flush=True)
        await life.serving()
        if "hangs" in sys.argv:
            await asyncio.sleep(60)
    finally:
        print("drained", flush=True)

life = Lifetime(stop_limit_s=0.5)
life.run(main(life))
"""


def ended(
    how: str, wait_for: str, *signals: signal.Signals, stderr: int = subprocess.DEVNULL
) -> tuple[int, str]:
    """Runs the program and sends the signals when it has printed `wait_for`.

    Returns its exit code and its last output.
    """
    command = [sys.executable, "-c", PROGRAM, how]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=stderr, text=True) as process:
        assert process.stdout is not None
        while process.stdout.readline().strip() != wait_for:
            pass
        for each in signals:
            os.kill(process.pid, each)
        lines = process.stdout.read().split()
        return process.wait(20), lines[-1] if lines else ""


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_drains_and_ends_with_success(which: signal.Signals) -> None:
    assert ended("", "serving", which) == (0, "drained")


def test_a_signal_while_starting_breaks_the_start_off() -> None:
    assert ended("slow-start", "starting", signal.SIGTERM) == (0, "drained")


def test_a_drain_that_hangs_is_ended_hard() -> None:
    code, _last = ended("hangs", "serving", signal.SIGTERM)
    assert code == 1


def test_a_drain_that_hangs_is_ended_hard_also_when_nobody_reads_standard_error() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4096)
    os.set_blocking(writing, True)
    code, _last = ended("hangs", "serving", signal.SIGTERM, stderr=writing)
    assert code == 1
    os.close(reading)
    os.close(writing)


COLLECTOR = """
import gc
from entrypoints.lifetime import Lifetime, quick_start

async def main(life):
    print(gc.isenabled(), flush=True)
    life._stop.set()
    await life.serving()
    print(gc.isenabled(), flush=True)

with quick_start():
    life = Lifetime()
    life.run(main(life))
"""


def test_the_collector_rests_until_the_process_serves() -> None:
    command = [sys.executable, "-c", COLLECTOR]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.split() == ["False", "True"]


def test_the_collector_works_again_after_a_start_that_failed() -> None:
    with pytest.raises(OSError, match="taken"), quick_start():
        assert not gc.isenabled()
        raise OSError("taken")
    assert gc.isenabled()
