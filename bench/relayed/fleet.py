"""A fleet comes back to its own back end: 2,000 stations connect and boot, 50 at a time.

The back end is the stock one (`websockets` and `ocpp`). Straight, through the bare forwarder and
through us take turns, each with fresh processes; the crowd and its pace are the same. Ours asks and
writes its database for each station. All share the machine's cores, so the CPU of each process
stands beside the pace.

    python -m bench relayed-fleet
"""

import contextlib
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.crowd import Crowd
from bench.relayed.ways import forwarder, our_relay
from bench.report import Figure, note
from bench.servers import ServerProcess, dev_temporal, stock_pair

STATIONS = 2_000
AT_ONCE = 50
TURNS = 5
WARMUP = 20
TARGET = 0.6

Between = Callable[[str], AbstractAsyncContextManager[ServerProcess]]
"""Makes what stands in front of the back end with this URL."""


@dataclass
class Way:
    """One way to the back end, and what each of its turns took."""

    name: str
    between: Between | None = None
    per_s: list[float] = field(default_factory=list)
    own_cpu_us: list[float] = field(default_factory=list)
    back_end_cpu_us: list[float] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def _front(self, back_end: ServerProcess) -> AsyncIterator[ServerProcess]:
        if self.between is None:
            yield back_end
            return
        async with self.between(back_end.url) as server:
            yield server

    async def turn(self) -> None:
        """Have the fleet come back this way once."""
        async with stock_pair() as back_end, self._front(back_end) as front:
            with contextlib.closing(Crowd(front.url, "WARM", compression=None)) as few:
                await few.join(WARMUP, at_once=5)
            servers, crowd = (front, back_end), Crowd(front.url, "CP")
            with contextlib.closing(crowd):
                cpu, began = [server.cpu_s() for server in servers], time.perf_counter()
                await crowd.join(STATIONS, at_once=AT_ONCE)
                took = time.perf_counter() - began
                own, theirs = (
                    (server.cpu_s() - before) / STATIONS * 1e6
                    for server, before in zip(servers, cpu, strict=True)
                )
        self.per_s.append(STATIONS / took)
        self.own_cpu_us.append(own if self.between else 0.0)
        self.back_end_cpu_us.append(theirs)
        note(f"relayed-fleet: {self.name} {STATIONS / took:.0f}/s {own:.0f} us {theirs:.0f} us")


async def measure() -> None:
    """Plays the returns in turns and reports the medians."""
    with tempfile.TemporaryDirectory() as text:
        async with dev_temporal(Path(text)) as temporal:
            observing = partial(_observing, Path(text), temporal)
            ways = [Way("straight"), Way("forwarder", forwarder), Way("ours", observing)]
            for _ in range(TURNS):
                for way in ways:
                    await way.turn()
    _report(*ways)


def _observing(
    home: Path, temporal: str, back_end: str
) -> AbstractAsyncContextManager[ServerProcess]:
    return our_relay(home, temporal, back_end, "observe")


def _report(straight: Way, bare: Way, ours: Way) -> None:
    own, reference = statistics.median(ours.per_s), statistics.median(straight.per_s)
    Figure(
        "relayed_fleet",
        round(own),
        round(reference),
        "stations/s",
        target=f"ratio >= {TARGET:g}",
        ok=own >= TARGET * reference,
        details={
            "stations": STATIONS,
            "at_once": AT_ONCE,
            "ratios_of_turns": _ratios(ours, straight),
            "forwarder_per_s": round(statistics.median(bare.per_s)),
            "forwarder_ratios_of_turns": _ratios(bare, straight),
            "gateway_cpu_us": round(statistics.median(ours.own_cpu_us)),
            "forwarder_cpu_us": round(statistics.median(bare.own_cpu_us)),
            "back_end_cpu_us": round(statistics.median(straight.back_end_cpu_us)),
        },
    ).report()


def _ratios(way: Way, reference: Way) -> list[float]:
    return [round(a / b, 2) for a, b in zip(way.per_s, reference.per_s, strict=True)]
