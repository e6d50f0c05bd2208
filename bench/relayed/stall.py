"""Frames while the database stands still for a minute: another process holds SQLite's write lock.

The ways are those of `relayed-frames`. In each round the slowest frame through us is compared with
the slowest one through the forwarder. Work beside it makes single frames slow on every way, so the
median of the rounds counts; the worst round stands beside it.

    python -m bench relayed-stall
"""

import contextlib
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.neighbours.calls import percentile
from bench.relayed.frames import BackEnd, Bench, Clock
from bench.relayed.ways import forwarder, our_relay
from bench.report import Figure
from bench.servers import ServerProcess, dev_temporal

STALL_S = 60.0
SLOWER_MS = 50.0


@contextlib.contextmanager
def _standing_still(*servers: ServerProcess) -> Iterator[None]:
    """Hold the write locks of their databases."""
    with contextlib.ExitStack() as stack:
        for server in servers:
            assert server.database is not None
            holder = sqlite3.connect(server.database, isolation_level=None, timeout=30)
            stack.callback(holder.close)
            holder.execute("BEGIN IMMEDIATE")
        yield


async def measure() -> None:
    """Plays rounds for a minute and reports by how much each mode is slower."""
    with tempfile.TemporaryDirectory() as text:
        clock, home = Clock(), Path(text)
        async with (
            BackEnd(clock).listening() as back_end,
            dev_temporal(home) as temporal,
            forwarder(back_end.url) as bare,
            our_relay(home, temporal, back_end.url, "observe") as observing,
            our_relay(home, temporal, back_end.url, "command") as commanding,
        ):
            bench = Bench(clock, back_end)
            ways = {"observe": observing, "command": commanding, "forwarder": bare}
            for way, server in ways.items():
                await bench.connect(way, server.url)
            await bench.round()  # warms up
            rounds = []
            with _standing_still(observing, commanding):
                until_s = time.monotonic() + STALL_S
                while time.monotonic() < until_s:
                    rounds.append(await bench.round())
            await bench.close()
    for mode in ("observe", "command"):
        _report(mode, rounds)


def _report(mode: str, rounds: list[dict[str, list[float]]]) -> None:
    slower = [max(one[mode]) - max(one["forwarder"]) for one in rounds]
    ours, bare = ([percentile(one[way], 0.99) for one in rounds] for way in (mode, "forwarder"))
    Figure(
        f"relayed_stall_{mode}",
        round(statistics.median(max(one[mode]) for one in rounds), 2),
        round(statistics.median(max(one["forwarder"]) for one in rounds), 2),
        "ms, slowest frame of a round",
        target=f"slower by <= {SLOWER_MS:g} ms",
        ok=statistics.median(slower) <= SLOWER_MS,
        details={
            "slower_ms": round(statistics.median(slower), 2),
            "slower_ms_worst_round": round(max(slower), 2),
            "p99_ms": round(statistics.median(ours), 2),
            "forwarder_p99_ms": round(statistics.median(bare), 2),
            "stall_s": STALL_S,
            "frames": sum(len(one[mode]) for one in rounds),
        },
    ).report()
