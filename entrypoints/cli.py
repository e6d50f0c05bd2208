"""The `evcommand` command line: processes, simulated station, demo, and small helpers.

The docstrings of the commands are the texts of --help. Each command reads its options and calls the
function behind it; nothing is decided here.
"""

import hashlib
import secrets
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import click

from broker.settings import ApiKey
from entrypoints.commands import demo as demonstration
from entrypoints.commands import explain as explain_command
from entrypoints.commands import station as station_command
from entrypoints.commands import views as view_links
from entrypoints.commands.banner import ready_banner
from entrypoints.errors import CannotStart
from entrypoints.lifetime import Lifetime
from entrypoints.options import given_settings, variable_of, with_settings
from entrypoints.processes import ALL_ROLES, ListenAddresses, Role, running, telemetry
from entrypoints.settings import ChosenSettings, Settings
from entrypoints.temporal.choice import TemporalPlan, plan_temporal, start_temporal
from entrypoints.temporal.client import TemporalTarget, configured_target

_NO_TEMPORAL = (
    "No Temporal: set --temporal-address or TEMPORAL_ADDRESS. "
    "(`evcommand up` starts a dev server by itself.)"
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="evcommand")
def main() -> None:
    """A gRPC command broker with a workflow engine for EV charging stations.

    Every option is also a variable: --grpc-listen is EVCOMMAND_GRPC_LISTEN. `evcommand settings`
    lists all of them, also the limits that --help leaves out.
    """


@main.command()
@with_settings
def up(**options: Any) -> None:
    """Runs everything: Temporal's dev server where none is configured, broker, worker, gateway."""
    settings = given_settings(options)
    plan = plan_temporal(settings, _say)
    life = Lifetime(settings.stop_limit_s)
    life.run(_up(life, settings, plan))


@main.command()
@with_settings
def broker(**options: Any) -> None:
    """Runs one broker: serves gRPC, keeps no state."""
    _run_one(Role.BROKER, options)


@main.command()
@with_settings
def worker(**options: Any) -> None:
    """Runs one worker: decides what the commands do next."""
    _run_one(Role.WORKER, options)


@main.command()
@with_settings
def gateway(**options: Any) -> None:
    """Runs one gateway: holds stations' sockets, speaks OCPP."""
    _run_one(Role.GATEWAY, options)


@main.command()
@with_settings
def demo(**options: Any) -> None:
    """Starts and stops a session on two simulated stations, shows each step, and cleans up."""
    demonstration.run(options, _say)


@main.command()
@station_command.with_station_options
def station(**options: Any) -> None:
    """Runs a simulated station until Ctrl-C. It is honest but for each --flaw."""
    config = station_command.given_config(**options)
    life = Lifetime()
    life.run(station_command.run(life, config))


@main.command("explain")
@click.argument("name")
@click.option(
    "--address",
    envvar="EVCOMMAND_ADDRESS",
    default="127.0.0.1:50051",
    show_default=True,
    metavar="HOST:PORT",
    help="Where the broker serves gRPC. Or set EVCOMMAND_ADDRESS.",
)
@click.option(
    "--key", envvar="EVCOMMAND_KEY", metavar="KEY", help="Your API key. Better set EVCOMMAND_KEY."
)
@click.option("--tls", is_flag=True, help="Use TLS, trusting the system's authorities.")
@click.option("--ca", type=click.Path(path_type=Path), help="Use TLS, trusting this PEM file.")
@click.option("--facts", is_flag=True, help="Show every fact of every step.")
@click.option("--json", "as_json", is_flag=True, help="Print the steps as JSON.")
def explain(name: str, *, as_json: bool, facts: bool, **broker_access: Any) -> None:
    """Tells what happened to the command NAME (`commands/...`, or its request id alone)."""
    access = explain_command.BrokerAccess(**broker_access)
    explain_command.explain(name, access, as_json=as_json, facts=facts)


@main.command()
@click.option(
    "--ui",
    envvar="EVCOMMAND_TEMPORAL_UI",
    default="http://127.0.0.1:8233",
    show_default=True,
    metavar="URL",
    help="Where Temporal's web UI is. Or set EVCOMMAND_TEMPORAL_UI.",
)
@click.option(
    "--namespace",
    envvar="TEMPORAL_NAMESPACE",
    default="default",
    show_default=True,
    help="Temporal's namespace. Or set TEMPORAL_NAMESPACE.",
)
@click.option("--station", default="", metavar="ID", help="Also a view of this station.")
def views(ui: str, namespace: str, station: str) -> None:
    """Prints links that save filters in Temporal's web UI: open each, and choose Save there."""
    for name, link in view_links.links(ui, namespace, station).items():
        click.echo(f"{name}\n  {link}")


@main.command("api-key")
@click.argument("name")
def api_key(name: str) -> None:
    """Makes an API key for a caller NAME[@TENANT][+RIGHT ...]. The key is shown once.

    Rights: unlock, hard-reset (as support@north+unlock). Without them a key may do all the rest.
    """
    key = secrets.token_urlsafe(32)
    setting = f"{name}:{hashlib.sha256(key.encode()).hexdigest()}"
    try:
        ApiKey.parse(setting)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    click.echo("The key, for the caller (send it as: authorization: Bearer KEY). Not shown again:")
    click.echo(f"  {key}")
    click.echo(f"The broker's side, for {variable_of('api_keys')} or a line of the keys file:")
    click.echo(f"  {setting}")


@main.command("settings")
@with_settings
def show_settings(**options: Any) -> None:
    """Lists every setting: variable, value, and what it is. The flag is the name with dashes."""
    settings = given_settings(options)
    for name, field in Settings.model_fields.items():
        changed = "*" if name in settings.model_fields_set else " "
        click.echo(f"{changed} {variable_of(name)}={_shown(name, getattr(settings, name))}")
        click.echo(f"      {field.description}")
    click.echo("\n* set by a flag or a variable")


async def _up(life: Lifetime, settings: ChosenSettings, plan: TemporalPlan) -> None:
    with telemetry("up", settings):
        async with AsyncExitStack() as stack:
            target, temporal = await start_temporal(stack, plan, settings, _say, keep=True)
            where = await stack.enter_async_context(running(settings, ALL_ROLES, target))
            click.echo(ready_banner(settings, where, temporal))
            await life.serving()
            click.echo("stopping ...")
    click.echo("stopped")


def _run_one(role: Role, options: dict[str, Any]) -> None:
    settings = given_settings(options)
    target = configured_target(settings)
    if target is None:
        raise CannotStart(_NO_TEMPORAL)
    life = Lifetime(settings.stop_limit_s)
    life.run(_serve(life, role, settings, target))


async def _serve(
    life: Lifetime, role: Role, settings: ChosenSettings, target: TemporalTarget
) -> None:
    with telemetry(role.value, settings):
        async with running(settings, (role,), target) as where:
            click.echo(f"{role.value} ready: {_listening(where)}")
            await life.serving()
    click.echo(f"{role.value} stopped")


def _listening(where: ListenAddresses) -> str:
    parts = {"grpc": where.grpc, "ocpp": where.ocpp, "metrics": where.metrics}
    return ", ".join(f"{name} {address}" for name, address in parts.items() if address) or "works"


def _say(text: str) -> None:
    click.echo(text, err=True)


def _shown(name: str, value: object) -> str:
    """The value as text, without the password of a database URL."""
    if name == "database_url" and isinstance(value, str):
        parts = urlsplit(value)
        if parts.password:
            netloc = parts.netloc.replace(f":{parts.password}@", ":***@")
            return urlunsplit(parts._replace(netloc=netloc))
    if isinstance(value, tuple):
        return ",".join(value)
    return "" if value is None else str(value)
