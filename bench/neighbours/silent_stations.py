"""A silent station costs nobody else: others' p99 beside 200 stations that never answer.

Each silent station has a full queue of starts: one on the wire, the others behind it. The others
are eight stations that refuse a start at once, eight calls at a time. In each round a fresh
`evcommand up` is measured without the silent stations, and then with them. The queue is short, so
that it is full soon; and no answer times out while the others are measured, for that would be the
work of other commands.

    python -m bench silent-stations
"""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evcommand.v1 import command_options_pb2 as options_pb

from bench.neighbours.calls import Called, Running, Stations, percentile, request_for, up
from bench.report import Figure, note
from bench.servers import dev_temporal

SILENT = 200
QUEUE = 2
OTHERS = 8
CALLS = 240
WARMUP = 80
ROUNDS = 3
_FILLING_AT_ONCE = 8
_FLAGS = ("--gateway-command-queue", str(QUEUE), "--timing-answer-timeout-s", "3600")


def _starts(names: list[str], count: int, wait_for: options_pb.WaitFor.ValueType) -> Iterator[Any]:
    for number in range(count):
        yield request_for(names[number % len(names)], starts=True, wait_for=wait_for)


async def _others(running: Running, names: list[str], count: int) -> list[float]:
    called = Called()
    starts = _starts(names, count, options_pb.WAIT_FOR_OUTCOME)
    await called.call_all(running.commands, starts, at_once=len(names))
    if called.failed:
        raise RuntimeError(f"{len(called.failed)} calls failed: {called.failed[0].code}")
    return called.times_ms


async def _fill(running: Running, silent: Stations) -> None:
    filling = Called()
    starts = _starts(silent.names, SILENT * QUEUE, options_pb.WAIT_FOR_SUBMITTED)
    await filling.call_all(running.commands, starts, at_once=_FILLING_AT_ONCE)
    if filling.failed or silent.frames.total() != SILENT:
        raise RuntimeError(f"{silent.frames.total()} frames, {len(filling.failed)} failed calls")


async def _round(directory: Path, temporal: str) -> tuple[list[float], list[float]]:
    """The times of the others' calls, without and beside the silent stations."""
    silent = Stations([f"SILENT-{number}" for number in range(SILENT)], silent=True)
    others = Stations([f"OTHER-{number}" for number in range(OTHERS)])
    async with (
        up(directory, temporal, *_FLAGS) as running,
        others.connected(running.ocpp),
        silent.connected(running.ocpp),
    ):
        await _others(running, others.names, WARMUP)
        without = await _others(running, others.names, CALLS)
        await _fill(running, silent)
        await asyncio.sleep(2.0)  # the last of the starts are written down
        beside = await _others(running, others.names, CALLS)
        if silent.frames.total() != SILENT:
            raise RuntimeError("a silent station got a second frame")
    return without, beside


async def measure() -> None:
    """Plays the rounds and compares the p99 of all of them."""
    without: list[float] = []
    beside: list[float] = []
    ratios = []
    with tempfile.TemporaryDirectory() as text:
        async with dev_temporal(Path(text)) as temporal:
            for number in range(ROUNDS):
                directory = Path(text) / str(number)
                directory.mkdir()
                alone, near = await _round(directory, temporal)
                without += alone
                beside += near
                ratios.append(round(percentile(near, 0.99) / percentile(alone, 0.99), 2))
                note(f"silent-stations: round {number + 1}, p99 ratio {ratios[-1]}")
    _report(without, beside, ratios)


def _report(without: list[float], beside: list[float], ratios: list[float]) -> None:
    for word, share in (("p50", 0.5), ("p99", 0.99)):
        own, reference = percentile(beside, share), percentile(without, share)
        Figure(
            f"beside_{SILENT}_silent_stations_{word}",
            round(own, 1),
            round(reference, 1),
            "ms",
            target="ratio <= 1.1" if word == "p99" else "",
            ok=own <= 1.1 * reference if word == "p99" else None,
            details={"calls": len(beside), "p99_ratios_of_rounds": ratios, "queue": QUEUE},
        ).report()
