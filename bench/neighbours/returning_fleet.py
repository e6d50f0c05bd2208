"""A whole fleet comes back: 10,000 stations that are known connect and boot while commands go on.

First without TLS, then with it, each with a fresh gateway, broker and worker. Eight other stations
open their connectors meanwhile, for two callers; the reference are the same calls before the fleet
comes back. All of it shares this machine; the fleet is a process of its own.

    python -m bench returning-fleet
"""

import asyncio
import itertools
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evcommand.v1 import command_options_pb2 as options_pb

from bench.neighbours.calls import Called, Running, Stations, apart, percentile, request_for
from bench.neighbours.crowd_process import CrowdProcess, crowd_process
from bench.report import Figure, note
from bench.servers import dev_temporal
from tests.support.certificates import station_certificate

STATIONS = 10_000
AT_ONCE = 100
OTHERS = 8
CALLERS = 2
WARMUP, QUIET_CALLS = 60, 300
LIMITS_S = {"plain": 30.0, "tls": 60.0}


def _unlocks(names: list[str]) -> Iterator[Any]:
    for name in itertools.cycle(names):
        yield request_for(name, starts=False, wait_for=options_pb.WAIT_FOR_OUTCOME)


async def _quiet(running: Running, names: list[str], count: int) -> Called:
    called = Called()
    calls = itertools.islice(_unlocks(names), count)
    await called.call_all(running.commands, calls, at_once=CALLERS)
    return called


async def _return(running: Running, names: list[str], crowd: CrowdProcess) -> tuple[float, Called]:
    """How many seconds the fleet took, and the calls meanwhile."""
    called, back = Called(), asyncio.Event()
    calls = itertools.takewhile(lambda _: not back.is_set(), _unlocks(names))
    calling = asyncio.create_task(called.call_all(running.commands, calls, at_once=CALLERS))
    took = await crowd.join()
    back.set()
    await calling
    return took, called


async def _play(directory: Path, temporal: str, kind: str) -> None:
    flags: tuple[str, ...] = ()
    certificate: Path | None = None
    tls: ssl.SSLContext | None = None
    if kind == "tls":
        certificate, key = station_certificate(directory, "ec")
        flags = ("--ocpp-tls-certificate", str(certificate), "--ocpp-tls-key", str(key))
        tls = ssl.create_default_context(cafile=str(certificate))
        tls.check_hostname = False
    others = Stations([f"OTHER-{number}" for number in range(OTHERS)])
    async with apart(directory, temporal, *flags) as running:
        url = running.ocpp.replace("ws://", "wss://") if tls else running.ocpp
        fleet = crowd_process(url, STATIONS, at_once=AT_ONCE, certificate=certificate)
        async with others.connected(url, tls), fleet as crowd:
            first = await crowd.join()
            note(f"returning-fleet: {kind}: {STATIONS / first:.0f} stations/s without commands")
            await crowd.leave()
            await _quiet(running, others.names, WARMUP)
            before = await _quiet(running, others.names, QUIET_CALLS)
            took, during = await _return(running, others.names, crowd)
    _report(kind, took, before, during)


def _report(kind: str, took: float, before: Called, during: Called) -> None:
    limit = LIMITS_S[kind]
    note(f"returning-fleet: {kind}: {took:.1f} s, {len(during.times_ms)} calls meanwhile")
    Figure(
        f"returning_fleet_{kind}",
        round(took, 1),
        None,
        "s",
        target=f"<= {limit:g} s",
        ok=took <= limit,
        details={"stations": STATIONS, "at_once": AT_ONCE, "per_s": round(STATIONS / took)},
    ).report()
    own, quiet = percentile(during.times_ms, 0.99), percentile(before.times_ms, 0.99)
    failed = len(before.failed) + len(during.failed)
    Figure(
        f"returning_fleet_{kind}_command_p99",
        round(own, 1),
        round(quiet, 1),
        "ms",
        target="ratio <= 2, none fails",
        ok=own <= 2 * quiet and not failed,
        details={"calls": len(during.times_ms), "failed": failed},
    ).report()


async def measure() -> None:
    """Has the fleet come back without TLS, and with it."""
    for kind in LIMITS_S:
        with tempfile.TemporaryDirectory() as text:
            async with dev_temporal(Path(text)) as temporal:
                await _play(Path(text), temporal, kind)
