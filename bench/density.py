"""Density: resident memory per idle station, with 2,000 stations at one server.

Memory is read after a warm-up (some stations connected, booted and left) and again when the crowd
is connected, booted and quiet. Quiet: our gateway has asked each booted station its one question.

    python -m bench density
"""

import asyncio
import contextlib
import tempfile
from pathlib import Path

from bench.crowd import Crowd
from bench.report import Figure, note
from bench.servers import ServerProcess, dev_temporal, our_gateway, stock_pair

STATIONS = 2_000
TARGET_KIB = 25.0
WARMUP = 40
_QUIET_S = 15.0
_AT_ONCE = 20


async def kib_per_station(server: ServerProcess) -> float:
    """Growth of the server's resident memory per station."""
    with contextlib.closing(Crowd(server.url, "WARM")) as few:
        await few.join(WARMUP, at_once=_AT_ONCE)
        await asyncio.sleep(_QUIET_S)
    await asyncio.sleep(2)
    before = server.rss_kib()
    with contextlib.closing(Crowd(server.url, "CP")) as crowd:
        await crowd.join(STATIONS, at_once=_AT_ONCE)
        await asyncio.sleep(_QUIET_S)
        after = server.rss_kib()
    note(f"density: {server.name} {before} -> {after} KiB")
    return (after - before) / STATIONS


async def measure() -> None:
    """Measures both servers, one after the other."""
    with tempfile.TemporaryDirectory() as text:
        directory = Path(text)
        async with stock_pair() as server:
            stock = await kib_per_station(server)
        async with dev_temporal(directory) as temporal, our_gateway(directory, temporal) as server:
            ours = await kib_per_station(server)
    Figure(
        "density",
        round(ours, 1),
        round(stock, 1),
        "KiB/station",
        target=f"<= {TARGET_KIB:g} KiB",
        ok=ours <= TARGET_KIB,
        details={"stations": STATIONS},
    ).report()
