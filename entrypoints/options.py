"""Options that several commands share: those of the settings, and those to reach the broker."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from entrypoints.settings import ENV_PREFIX, ChosenSettings, Settings

Command = TypeVar("Command", bound=Callable[..., Any])


def flag_of(name: str) -> str:
    """The command-line flag of a setting."""
    return f"--{name.replace('_', '-')}"


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return f"{ENV_PREFIX}{name.upper()}"


def with_settings(command: Command) -> Command:
    """Adds every setting to a click command as an option. `given_settings` reads the options.

    --help shows only the settings that operators choose; the limits and waits of the rooms would
    make it too long. `evcommand settings` lists all of them.
    """
    for name, field in reversed(Settings.model_fields.items()):
        click.option(*_names(name, field), **_attributes(name, field))(command)
    return command


def given_settings(options: dict[str, Any]) -> ChosenSettings:
    """The settings. A flag wins over a variable, a variable over the default.

    Raises: click.UsageError that names each wrong setting.
    """
    try:
        return Settings(**{name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        raise click.UsageError(_explain(error)) from error


def with_broker_access(command: Command) -> Command:
    """Adds the options that say how to reach the broker: `broker_access.BrokerAccess`."""
    for option in reversed(_BROKER_ACCESS):
        option(command)
    return command


_BROKER_ACCESS = (
    click.option(
        "--address",
        envvar="EVCOMMAND_ADDRESS",
        default="127.0.0.1:50051",
        show_default=True,
        metavar="HOST:PORT",
        help="Where the broker serves gRPC. Or set EVCOMMAND_ADDRESS.",
    ),
    click.option(
        "--key",
        envvar="EVCOMMAND_KEY",
        metavar="KEY",
        help="Your API key. Better set EVCOMMAND_KEY.",
    ),
    click.option("--tls", is_flag=True, help="Use TLS, trusting the system's authorities."),
    click.option("--ca", type=click.Path(path_type=Path), help="Use TLS, trusting this PEM file."),
)


def _names(name: str, field: FieldInfo) -> tuple[str, ...]:
    flag = flag_of(name)
    if field.annotation is bool:
        return (f"{flag}/--no-{flag.removeprefix('--')}", name)
    return (flag, name)


def _attributes(name: str, field: FieldInfo) -> dict[str, Any]:
    default = field.default
    shown = "" if default in ("", None, False, ()) else f"  [default: {default}]"
    attributes: dict[str, Any] = {
        "default": None,
        "help": f"{field.description}{shown}  [{variable_of(name)}]",
        "hidden": name not in ChosenSettings.model_fields,
    }
    if field.annotation is not bool:
        attributes["type"] = str
        attributes["metavar"] = _metavar(name, field)
    return attributes


def _metavar(name: str, field: FieldInfo) -> str:
    if name.endswith(("_listen", "temporal_address")):
        return "HOST:PORT"
    if field.annotation in (int, float):
        return "NUMBER"
    return "URL" if name.endswith(("_url", "_ui")) else "TEXT"


def _explain(error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        name = str(problem["loc"][0])
        message = problem["msg"].removeprefix("Value error, ")
        lines.append(f"{flag_of(name)} ({variable_of(name)}): {message}")
    return "\n".join(lines)
