"""`evcommand station`: runs a simulated station and prints what it does."""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from entrypoints.lifetime import Lifetime
from simulator.behaviour import Behaviour
from simulator.config import Cable, StationConfig, TxStart

Command = TypeVar("Command", bound=Callable[..., Any])


def _flaws(
    _ctx: click.Context, _param: click.Parameter, texts: tuple[str, ...]
) -> tuple[Behaviour, ...]:
    from simulator.flaws import parse_flaw

    try:
        return tuple(parse_flaw(text) for text in texts)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


OPTIONS = (
    click.option(
        "--version", type=click.Choice(["1.6", "2.0.1", "2.1"]), default="1.6", show_default=True
    ),
    click.option("--id", "station_id", required=True, help="The station's identity."),
    click.option("--url", required=True, help="Endpoint, ws://HOST:PORT/ocpp; the id is appended."),
    click.option(
        "--password-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="File with the Basic-auth password. Or set EVCOMMAND_STATION_PASSWORD.",
    ),
    click.option("--evses", type=click.IntRange(1, 100), default=1, show_default=True),
    click.option(
        "--cable",
        type=click.Choice([each.value for each in Cable]),
        default=Cable.LAST.value,
        show_default=True,
        help="When the driver plugs in: at the beginning, after an accepted start, or never.",
    ),
    click.option("--plug-delay-s", type=float, default=2.0, show_default=True),
    click.option("--connection-timeout-s", type=float, default=60.0, show_default=True),
    click.option("--meter-interval-s", type=float, default=10.0, show_default=True),
    click.option("--reboot-s", type=float, default=1.0, show_default=True),
    click.option(
        "--tx-start",
        type=click.Choice([each.value for each in TxStart]),
        default=TxStart.POWER_PATH_CLOSED.value,
        show_default=True,
        help="OCPP 2.x: what begins a transaction.",
    ),
    click.option("--authorize-remote", is_flag=True, help="Ask about the token of a remote start."),
    click.option("--tethered", is_flag=True, help="Its cables are attached: no lock to open."),
    click.option("--lock-jams", is_flag=True, help="Its connector locks do not open."),
    click.option(
        "--reserves/--no-reserves", default=True, show_default=True, help="Takes reservations."
    ),
    click.option(
        "--reserves-any/--no-reserves-any",
        default=True,
        show_default=True,
        help="Also of any EVSE.",
    ),
    click.option(
        "--connector-type",
        "connector_types",
        multiple=True,
        default=("cType2",),
        show_default=True,
        help="OCPP 2.x: connector type of the first EVSE, the second, ... then from the beginning.",
    ),
    click.option(
        "--resets-one-evse/--no-resets-one-evse",
        default=True,
        show_default=True,
        help="OCPP 2.x: one EVSE can restart while the station stays up.",
    ),
    click.option("--resumes", is_flag=True, help="OCPP 2.1: knows a reset ImmediateAndResume."),
    click.option(
        "--flaw",
        "flaws",
        callback=_flaws,
        metavar="NAME[=VALUE]",
        multiple=True,
        help="A deviation from the standard; may be repeated. docs/simulator.md lists them.",
    ),
)


def with_station_options(command: Command) -> Command:
    """Adds the options of a simulated station to a click command."""
    for option in reversed(OPTIONS):
        option(command)
    return command


def given_config(
    version: str, station_id: str, url: str, password_file: Path | None, **settings: Any
) -> StationConfig:
    """The settings of the station from the options."""
    password = os.environ.get("EVCOMMAND_STATION_PASSWORD")
    if password_file is not None:
        password = password_file.read_text().strip()
    cable, tx_start = Cable(settings.pop("cable")), TxStart(settings.pop("tx_start"))
    return StationConfig(
        id=station_id,
        url=url,
        version=version,
        password=password or None,
        cable=cable,
        tx_start=tx_start,
        **settings,
    )


async def run(life: Lifetime, config: StationConfig) -> None:
    """Runs the station until the process is told to stop."""
    from simulator.station import SimulatedStation

    def say(text: str) -> None:
        click.echo(f"{datetime.now().astimezone():%H:%M:%S} {config.id}  {text}")

    async with SimulatedStation(config, say=say):
        await life.serving()
    say("switched off")
