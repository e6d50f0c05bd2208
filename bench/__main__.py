"""`python -m bench [PART ...]`: measures the parts, or all of them; JSON lines on stdout."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

import uvloop

from bench import density, storm
from bench.report import note

PARTS: dict[str, Callable[[], Awaitable[None]]] = {
    "storm": storm.measure,
    "density": density.measure,
}


async def main(names: list[str]) -> None:
    """Measure these parts, one after the other."""
    for name in names:
        note(f"{name} ...")
        await PARTS[name]()


if __name__ == "__main__":
    chosen = sys.argv[1:] or list(PARTS)
    unknown = [name for name in chosen if name not in PARTS]
    if unknown:
        raise SystemExit(f"unknown: {', '.join(unknown)}; parts: {', '.join(PARTS)}")
    uvloop.run(main(chosen))
