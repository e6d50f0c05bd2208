"""`python -m bench [PART ...]`: measures these parts, or all; prints JSON lines on stdout."""

import sys
from collections.abc import Awaitable, Callable

import uvloop

from bench import (
    booking_admission,
    cost_card,
    density,
    expiry_lateness,
    message_cost,
    simulation_speed,
    statement_cost,
    storm,
)
from bench.neighbours import busy_cores, hostile_stations, returning_fleet, silent_stations
from bench.on_postgres import latency, two_ways, year
from bench.relayed import fleet as relayed_fleet
from bench.relayed import frames as relayed_frames
from bench.relayed import memory as relayed_memory
from bench.relayed import stall as relayed_stall
from bench.report import note
from telemetry.logs import configure_logs

PARTS: dict[str, Callable[[], Awaitable[None]]] = {
    "cost-card": cost_card.measure,
    "simulation-speed": simulation_speed.measure,
    "message-cost": message_cost.measure,
    "statement-cost": statement_cost.measure,
    "density": density.measure,
    "storm": storm.measure,
    "expiry-lateness": expiry_lateness.measure,
    "busy-cores": busy_cores.measure,
    "hostile-stations": hostile_stations.measure,
    "silent-stations": silent_stations.measure,
    "relayed-frames": relayed_frames.measure,
    "relayed-stall": relayed_stall.measure,
    "relayed-memory": relayed_memory.measure,
    "relayed-fleet": relayed_fleet.measure,
    "returning-fleet": returning_fleet.measure,
    "two-ways": two_ways.measure,
    "latency": latency.measure,
    "latency-sqlite": latency.measure_sqlite,
    "year": year.measure,
    "bookings": booking_admission.measure,
}


async def main(names: list[str]) -> None:
    """Measures these parts, one after the other."""
    configure_logs("bench", level="WARNING")
    for name in names:
        note(f"{name} ...")
        await PARTS[name]()


if __name__ == "__main__":
    chosen = sys.argv[1:] or list(PARTS)
    unknown = [name for name in chosen if name not in PARTS]
    if unknown:
        raise SystemExit(f"unknown: {', '.join(unknown)}; parts: {', '.join(PARTS)}")
    uvloop.run(main(chosen))
