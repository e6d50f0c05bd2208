"""`evcommand station`: a simulated station that says what it does."""

from datetime import datetime

import click

from entrypoints.lifetime import Lifetime
from simulator.config import StationConfig
from simulator.station import SimulatedStation


async def run(life: Lifetime, config: StationConfig) -> None:
    """Runs the station until the process is told to stop."""

    def say(line: str) -> None:
        click.echo(f"{datetime.now().astimezone():%H:%M:%S} {config.id}  {line}")

    async with SimulatedStation(config, say=say):
        await life.serving()
    say("switched off")
