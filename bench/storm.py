"""A storm: 2,000 stations connect and boot, 50 at a time.

The crowd and its pace are the same for both servers. Ours writes every admission, claim and boot to
its database before it answers. The servers take turns, each turn with a fresh process. On a shared
machine single turns differ twofold. So the target is met only when both the ratio of the medians
and the median of the turns' ratios meet it; the ratios of all turns are printed.

    python -m bench storm
"""

import contextlib
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.crowd import Crowd
from bench.report import Figure, note
from bench.servers import ServerProcess, dev_temporal, our_gateway, stock_pair

STATIONS = 2_000
AT_ONCE = 50
TURNS = 5
WARMUP = 20


async def storm(server: ServerProcess) -> dict[str, Any]:
    """Plays one storm: stations per second, CPU time per station, and recorded boots."""
    with contextlib.closing(Crowd(server.url, "WARM")) as few:
        await few.join(WARMUP, at_once=5)
    crowd = Crowd(server.url, "CP")
    with contextlib.closing(crowd):
        cpu, began = server.cpu_s(), time.perf_counter()
        await crowd.join(STATIONS, at_once=AT_ONCE)
        took, cpu = time.perf_counter() - began, server.cpu_s() - cpu
        recorded = server.booted("CP")
    if recorded not in (None, STATIONS):
        raise RuntimeError(f"{recorded} boots are recorded, of {STATIONS}")
    result = {"per_s": STATIONS / took, "cpu_us": cpu / STATIONS * 1e6, "recorded": recorded}
    note(f"storm: {server.name} {result}")
    return result


async def measure() -> None:
    """Plays the storms in turns and reports the medians."""
    ours, stock = [], []
    with tempfile.TemporaryDirectory() as text:
        async with dev_temporal(Path(text)) as temporal:
            for turn in range(TURNS):
                directory = Path(text) / str(turn)
                directory.mkdir()
                async with stock_pair() as server:
                    stock.append(await storm(server))
                async with our_gateway(directory, temporal) as server:
                    ours.append(await storm(server))
    own = statistics.median(turn["per_s"] for turn in ours)
    reference = statistics.median(turn["per_s"] for turn in stock)
    turns = [o["per_s"] / s["per_s"] for o, s in zip(ours, stock, strict=True)]
    Figure(
        "storm",
        round(own),
        round(reference),
        "stations/s",
        target="ratio >= 1, every boot recorded",
        ok=own >= reference and statistics.median(turns) >= 1,
        details={
            "stations": STATIONS,
            "ratios_of_turns": [round(ratio, 2) for ratio in turns],
            "at_once": AT_ONCE,
            "boots_recorded": ours[-1]["recorded"],
            "server_cpu_us": round(statistics.median(turn["cpu_us"] for turn in ours)),
            "reference_server_cpu_us": round(statistics.median(t["cpu_us"] for t in stock)),
        },
    ).report()
