"""How many hostile worlds the deterministic simulation plays and judges in a second.

    python -m bench simulation-speed

The worlds are those of `make simulate` from seed 1 on. The database file lies in memory.
"""

import asyncio
import time

from bench.report import Figure
from tests.simulation.rules.lies import lies
from tests.simulation.world.stage import open_stage

WARM = 10
WORLDS = 200
IN_MAKE_TEST = 1_000
LONGEST_S = 150.0
"""The limit of `make test` for its worlds."""


async def measure() -> None:
    """Plays the worlds in a thread, because each world runs an event loop of its own."""
    await asyncio.to_thread(_play)


def _play() -> None:
    with open_stage() as stage:
        for seed in range(1, WARM + 1):
            stage.play(seed)
        wall_s, cpu_s, virtual_s, found = time.perf_counter(), time.process_time(), 0.0, 0
        for seed in range(1, WORLDS + 1):
            ran = stage.play(seed)
            virtual_s += ran.ended_s
            found += len(lies(ran))
        wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    speed = WORLDS / wall_s
    Figure(
        name="simulation_speed",
        ours=round(speed, 1),
        reference=None,
        unit="worlds/s",
        target=f"{IN_MAKE_TEST} worlds within {LONGEST_S:.0f} s",
        ok=IN_MAKE_TEST / speed <= LONGEST_S,
        details={
            "worlds": WORLDS,
            "cpu_ms_per_world": round(1_000 * cpu_s / WORLDS, 1),
            "virtual_s_per_world": round(virtual_s / WORLDS),
            "lies": found,
        },
    ).report()
