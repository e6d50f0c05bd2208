"""Memory of an idle pair: a station's socket and the one to its back end, with 2,000 of them.

As `density`, for a gateway that relays. The back end is the stock one, and the reference the bare
forwarder in the same place.

    python -m bench relayed-memory
"""

import tempfile
from pathlib import Path

from bench.density import STATIONS, kib_per_station
from bench.relayed.ways import forwarder, our_relay
from bench.report import Figure
from bench.servers import dev_temporal, stock_pair

TARGET_KIB = 45.0


async def measure() -> None:
    """Measures the forwarder and both modes of ours, one after the other."""
    with tempfile.TemporaryDirectory() as text:
        async with dev_temporal(Path(text)) as temporal:
            async with stock_pair() as back_end, forwarder(back_end.url) as server:
                bare = await kib_per_station(server)
            for mode in ("observe", "command"):
                async with (
                    stock_pair() as back_end,
                    our_relay(Path(text), temporal, back_end.url, mode) as server,
                ):
                    ours = await kib_per_station(server)
                _report(mode, ours, bare)


def _report(mode: str, ours: float, bare: float) -> None:
    Figure(
        f"relayed_memory_{mode}",
        round(ours, 1),
        round(bare, 1),
        "KiB/pair",
        target=f"<= {TARGET_KIB:g} KiB",
        ok=ours <= TARGET_KIB,
        details={"stations": STATIONS},
    ).report()
