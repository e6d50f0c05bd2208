"""A silent station costs nobody else: others' p99 beside 200 stations that never answer.

Each silent station has a full queue of starts: one on the wire, the others behind it. The others
are eight stations that refuse a start at once, eight calls at a time. In each round a fresh
`evcommand up` is measured without the silent stations, and then with them. The queue is short, so
that it is full soon; and no answer times out while the others are measured, for that would be the
work of other commands.

The moment itself is measured, too: 200 stations get a start at once and say nothing, and the others
go on. Its reference is the same moment with 200 stations that answer.

    python -m bench silent-stations
"""

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
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
_REST_S = 2.0
"""Until the last of the starts are written down."""
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


async def _fill(running: Running, stations: Stations, starts: int, *, at_once: int) -> None:
    """Each of the stations gets so many starts; the first one is its frame."""
    filling = Called()
    calls = _starts(stations.names, SILENT * starts, options_pb.WAIT_FOR_SUBMITTED)
    await filling.call_all(running.commands, calls, at_once=at_once)
    if filling.failed:
        raise RuntimeError(f"{len(filling.failed)} calls failed: {filling.failed[0].code}")


async def _moment(running: Running, stations: Stations, others: Stations) -> list[float]:
    """The times of the others' calls from when each of the stations gets a start at once."""
    filling = asyncio.create_task(_fill(running, stations, 1, at_once=SILENT))
    times = await _others(running, others.names, CALLS)
    await filling
    return times


@dataclass
class _Times:
    """Of the others' calls, in ms.

    without, beside: the silent stations, which have their frames. living, falling: while 200
    stations get a start each, which answer, or say nothing from now on.
    """

    without: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    living: list[float] = field(default_factory=list)
    falling: list[float] = field(default_factory=list)


async def _round(directory: Path, temporal: str, times: _Times) -> None:
    silent = Stations([f"SILENT-{number}" for number in range(SILENT)], silent=True)
    living = Stations([f"LIVING-{number}" for number in range(SILENT)])
    others = Stations([f"OTHER-{number}" for number in range(OTHERS)])
    async with (
        up(directory, temporal, *_FLAGS) as running,
        others.connected(running.ocpp),
        living.connected(running.ocpp),
        silent.connected(running.ocpp),
    ):
        await _others(running, others.names, WARMUP)
        times.without += await _others(running, others.names, CALLS)
        times.living += await _moment(running, living, others)
        await asyncio.sleep(_REST_S)
        times.falling += await _moment(running, silent, others)
        await _fill(running, silent, QUEUE - 1, at_once=_FILLING_AT_ONCE)
        await asyncio.sleep(_REST_S)
        times.beside += await _others(running, others.names, CALLS)
        if silent.frames.total() != SILENT:
            raise RuntimeError(f"the silent stations got {silent.frames.total()} frames")


async def measure() -> None:
    """Plays the rounds and compares the p99 of all of them."""
    times = _Times()
    with tempfile.TemporaryDirectory() as text:
        async with dev_temporal(Path(text)) as temporal:
            for number in range(ROUNDS):
                directory = Path(text) / str(number)
                directory.mkdir()
                await _round(directory, temporal, times)
                note(f"silent-stations: round {number + 1} of {ROUNDS}")
    _report(f"beside_{SILENT}_silent_stations", times.beside, times.without)
    _report(f"while_{SILENT}_fall_silent", times.falling, times.living)


def _report(name: str, times: list[float], reference: list[float]) -> None:
    for word, share in (("p50", 0.5), ("p99", 0.99), ("longest", 1.0)):
        own, other = percentile(times, share), percentile(reference, share)
        has_target = word == "p99"
        Figure(
            f"{name}_{word}",
            round(own, 1),
            round(other, 1),
            "ms",
            target="ratio <= 1.1" if has_target else "",
            ok=own <= 1.1 * other if has_target else None,
            details={"calls": len(times), "queue": QUEUE},
        ).report()
