"""Slow is not down: many calls at once on the dev server, while other processes eat all cores.

Ours is `evcommand up` on a SQLite file. Twice as many processes as there are cores do nothing but
compute. Every station has one call at a time, a start that it refuses or an unlock. A machine that
is this busy makes callers wait; no call may end with UNAVAILABLE or another error.

Afterwards the log and the stations are asked. A call that was answered with an error which says
that no command was made must not have made one; and no station may have got more frames than it
has commands.

    python -m bench busy-cores
"""

import contextlib
import multiprocessing
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
from evcommand.v1 import command_options_pb2 as options_pb
from evcommand.v1 import remote_command_service_pb2 as pb

from bench.neighbours.calls import Called, Running, Stations, percentile, request_for, up
from bench.report import Figure, note
from bench.servers import dev_temporal

IN_FLIGHT = 20, 100
CALLS_OF_EACH = 6
EATERS_PER_CORE = 2
_PAGE = 200
_OPEN = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
}
"""These leave it open whether a command was made. Every other error says that none was."""


def _eat() -> None:
    while True:
        sum(range(100_000))


@contextlib.contextmanager
def busy_cores() -> Iterator[None]:
    """All cores are busy until the block is left."""
    spawning = multiprocessing.get_context("spawn")
    eaters = [
        spawning.Process(target=_eat, daemon=True)
        for _ in range(EATERS_PER_CORE * (os.cpu_count() or 1))
    ]
    for eater in eaters:
        eater.start()
    try:
        yield
    finally:
        for eater in eaters:
            eater.kill()
            eater.join()


async def _made(commands: Any, station: str) -> set[str]:
    """The names of all commands of this station."""
    names: set[str] = set()
    token = ""
    while True:
        page = await commands.ListCommands(
            pb.ListCommandsRequest(station=f"stations/{station}", page_size=_PAGE, page_token=token)
        )
        names |= {command.name for command in page.commands}
        token = page.next_page_token
        if not token:
            return names


async def _measure_at(running: Running, in_flight: int) -> None:
    stations = Stations([f"BUSY-{in_flight}-{number}" for number in range(in_flight)])
    requests = [
        request_for(name, starts=number % 2 == 0, wait_for=options_pb.WAIT_FOR_OUTCOME)
        for number in range(CALLS_OF_EACH)
        for name in stations.names
    ]
    called = Called()
    async with stations.connected(running.ocpp):
        with busy_cores():
            await called.call_all(running.commands, requests, at_once=in_flight)
        made = {name: await _made(running.commands, name) for name in stations.names}
    known = set().union(*made.values())
    denied = [each for each in called.failed if each.code not in _OPEN]
    codes = Counter(each.code.name for each in called.failed)
    _report(
        in_flight,
        called,
        codes,
        denied_but_made=sum(f"commands/{each.request.request_id}" in known for each in denied),
        frames_too_many=sum(
            max(stations.frames[name] - len(made[name]), 0) for name in stations.names
        ),
    )


def _report(
    in_flight: int,
    called: Called,
    codes: Counter[str],
    *,
    denied_but_made: int,
    frames_too_many: int,
) -> None:
    unavailable = codes.pop("UNAVAILABLE", 0)
    calls = len(called.times_ms) + len(called.failed)
    lies = denied_but_made + frames_too_many
    reasons = dict(Counter(each.reason or each.code.name for each in called.failed))
    Figure(
        f"busy_cores_{in_flight}_unavailable",
        unavailable,
        None,
        "calls",
        target="no UNAVAILABLE, no other error, nothing denied that was made",
        ok=not called.failed and not lies,
        details={
            "calls": calls,
            "reasons": reasons,
            "other_errors": dict(codes),
            "denied_but_made": denied_but_made,
            "frames_too_many": frames_too_many,
        },
    ).report()
    for word, share in (("p50", 0.5), ("p99", 0.99)):
        if called.times_ms:
            took = round(percentile(called.times_ms, share))
            Figure(f"busy_cores_{in_flight}_{word}", took, None, "ms").report()


async def measure() -> None:
    """Measures each number of calls in flight, on one deployment."""
    with tempfile.TemporaryDirectory() as text:
        directory = Path(text)
        async with dev_temporal(directory) as temporal, up(directory, temporal) as running:
            for in_flight in IN_FLIGHT:
                note(f"busy-cores: {in_flight} in flight")
                await _measure_at(running, in_flight)
