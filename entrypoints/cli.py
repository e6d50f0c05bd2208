"""The `evcommand` command line: processes, simulated station, demo, and small helpers.

The docstrings of the commands are the texts of --help. Each command reads its options and calls the
function behind it; nothing is decided here. A command loads what it runs when it runs: loading
takes most of a process's start.
"""

import hashlib
import secrets
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import click

from broker.settings import ApiKey
from entrypoints.commands import station as station_command
from entrypoints.lifetime import Lifetime, quick_start
from entrypoints.options import given_settings, variable_of, with_broker_access, with_settings
from entrypoints.settings import Settings


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
    with quick_start():
        from entrypoints.commands import up as everything

        everything.run(given_settings(options), _say)


@main.command()
@click.option(
    "--upstream",
    required=True,
    metavar="URL",
    help="Your back end (CSMS), as wss://csms.example/ocpp/{station}.",
)
@with_settings
def proxy(upstream: str, **options: Any) -> None:
    """Runs everything as `up` does, between stations and your own back end, and observes.

    With --gateway-upstream-mode command, commands go to the stations as well.
    """
    with quick_start():
        from entrypoints.commands import up as everything

        everything.run(given_settings({**options, "gateway_upstream_url": upstream}), _say)


@main.command()
@with_settings
def broker(**options: Any) -> None:
    """Runs one broker: serves gRPC, keeps no state."""
    _run_one("broker", options)


@main.command()
@with_settings
def worker(**options: Any) -> None:
    """Runs one worker: decides what the commands do next."""
    _run_one("worker", options)


@main.command()
@with_settings
def gateway(**options: Any) -> None:
    """Runs one gateway: holds stations' sockets, speaks OCPP."""
    _run_one("gateway", options)


@main.command()
@with_settings
def demo(**options: Any) -> None:
    """Starts and stops a session on two simulated stations, shows each step, and cleans up."""
    with quick_start():
        from entrypoints.commands import demo as demonstration

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
@with_broker_access
@click.option("--facts", is_flag=True, help="Show every fact of every step.")
@click.option("--json", "as_json", is_flag=True, help="Print the steps as JSON.")
def explain(name: str, *, as_json: bool, facts: bool, **broker_access: Any) -> None:
    """Tells what happened to the command NAME (`commands/...`, or its request id alone).

    Of a booking it is told by its name, `bookings/...`.
    """
    from entrypoints.commands import explain as explain_command
    from entrypoints.commands.broker_access import BrokerAccess

    access = BrokerAccess(**broker_access)
    explain_command.explain(name, access, as_json=as_json, facts=facts)


@main.command("audit")
@click.option(
    "--since",
    default="24h",
    show_default=True,
    metavar="SPAN",
    help="How far back: as 30m, 24h or 7d, or a time as 2026-05-04T12:00:00Z.",
)
@with_broker_access
@click.option("--json", "as_json", is_flag=True, help="Print each entry as a line of JSON.")
def audit(since: str, *, as_json: bool, **broker_access: Any) -> None:
    """Tells who changed what, the newest first. Needs a key with the right admin."""
    from entrypoints.commands import audit as audit_command
    from entrypoints.commands.broker_access import BrokerAccess

    audit_command.audit(since, BrokerAccess(**broker_access), as_json=as_json)


@main.command("report")
@with_broker_access
@click.option(
    "--since",
    default="24h",
    show_default=True,
    metavar="SPAN",
    help="How far back: 90m, 24h or 7d; at most 31d.",
)
@click.option("--station", "stations", multiple=True, metavar="NAME", help="Only this one; repeat.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def report(since: str, stations: tuple[str, ...], *, as_json: bool, **broker_access: Any) -> None:
    """Tells how the commands of the last hours or days ended, and which stations stand out."""
    from entrypoints.commands import report as report_command
    from entrypoints.commands.broker_access import BrokerAccess

    access = BrokerAccess(**broker_access)
    period = report_command.span_of(since)
    report_command.report(period, stations, access, as_json=as_json)


@main.group()
def policy() -> None:
    """Helps who writes the rules of bookings."""


@policy.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check_policy(file: Path) -> None:
    """Says in sentences what the policy FILE (TOML) means, and tries its examples.

    The exit code is 1 when an example is not as the file expects. Samples: examples/bookings.
    """
    from entrypoints.commands import policy as policy_command

    raise SystemExit(0 if policy_command.check(file) else 1)


@main.group()
def pool() -> None:
    """Shows pools of EVSEs that are booked together."""


@pool.command("show")
@click.argument("name")
@with_broker_access
@click.option(
    "--day",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day, as 2026-12-01, in the pool's time zone. Default: today.",
)
@click.option(
    "--svg",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a picture to FILE instead.",
)
def show_pool(name: str, day: datetime | None, svg: Path | None, **broker_access: Any) -> None:
    """Draws a day of the pool NAME (`pools/...`, or its id alone): a row for each EVSE."""
    from entrypoints.commands.broker_access import BrokerAccess
    from entrypoints.commands.pool import show as pool_show

    pool_show.show(name, day.date() if day else None, svg, BrokerAccess(**broker_access))


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
    from entrypoints.commands import views as view_links

    for name, link in view_links.links(ui, namespace, station).items():
        click.echo(f"{name}\n  {link}")


@main.command()
@click.option(
    "--metrics-listen",
    envvar=variable_of("metrics_listen"),
    default="",
    metavar="HOST:PORT",
    help="As the process has it. Or set EVCOMMAND_METRICS_LISTEN.",
)
@click.option("--live", is_flag=True, help="Ask whether it runs, also while it starts or drains.")
def health(metrics_listen: str, *, live: bool) -> None:
    """Says by its exit code whether the process of this machine is ready (0) or not (1)."""
    from entrypoints.commands import health as health_command

    path = "/live" if live else "/ready"
    well = health_command.says_yes(metrics_listen, path)
    click.echo(f"{path.removeprefix('/')}: {'yes' if well else 'no'}")
    raise SystemExit(0 if well else 1)


@main.command("api-key")
@click.argument("name")
def api_key(name: str) -> None:
    """Makes an API key for NAME[@TENANT][/GROUP ...][+RIGHT ...][~RATE]. The key is shown once.

    Rights: read, command, reserve, admin, tokens, bookings.read, bookings.write, pools.admin,
    unlock, hard-reset (as support@north+read). A key that names none of the first eight has these
    eight. Groups: how the identities of the stations begin that it may see and command (as
    support/OSLO-). Rate: reads a second, and changes a second, that it may make (as support~20),
    instead of the broker's setting.
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


def _run_one(role: str, options: dict[str, Any]) -> None:
    with quick_start():
        from entrypoints.commands import serve
        from entrypoints.processes import Role

        serve.run(Role(role), given_settings(options))


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
