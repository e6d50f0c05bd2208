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
from dataclasses import dataclass, field
from pathlib import Path

from evcommand.v1 import command_options_pb2 as options_pb

from bench.neighbours.calls import (
    Called,
    Running,
    Stations,
    refused_starts,
    report_beside,
    starts_at,
    up,
)
from bench.report import note
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


async def _fill(running: Running, stations: Stations, starts: int, *, at_once: int) -> None:
    """Each of the stations gets so many starts; the first one is its frame."""
    filling = Called()
    calls = starts_at(stations.names, SILENT * starts, options_pb.WAIT_FOR_SUBMITTED)
    await filling.call_all(running.commands, calls, at_once=at_once)
    if filling.failed:
        raise RuntimeError(f"{len(filling.failed)} calls failed: {filling.failed[0].code}")


async def _moment(running: Running, stations: Stations, others: Stations) -> list[float]:
    """The times of the others' calls from when each of the stations gets a start at once."""
    filling = asyncio.create_task(_fill(running, stations, 1, at_once=SILENT))
    times = await refused_starts(running, others.names, CALLS)
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
        await refused_starts(running, others.names, WARMUP)
        times.without += await refused_starts(running, others.names, CALLS)
        times.living += await _moment(running, living, others)
        await asyncio.sleep(_REST_S)
        times.falling += await _moment(running, silent, others)
        await _fill(running, silent, QUEUE - 1, at_once=_FILLING_AT_ONCE)
        await asyncio.sleep(_REST_S)
        times.beside += await refused_starts(running, others.names, CALLS)
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
    for name, times_ms, reference in (
        (f"beside_{SILENT}_silent_stations", times.beside, times.without),
        (f"while_{SILENT}_fall_silent", times.falling, times.living),
    ):
        report_beside(name, times_ms, reference, {"calls": len(times_ms), "queue": QUEUE})
