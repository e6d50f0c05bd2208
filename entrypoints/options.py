"""Turns the settings into command-line options, and wrong settings into messages."""

from collections.abc import Callable
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
    """Gives a click command every setting as an option; `given_settings` makes them one object.

    Limits and waits are left out of --help, which would be too long to be read: `evcommand
    settings` lists them all.
    """
    for name, field in reversed(Settings.model_fields.items()):
        click.option(*_names(name, field), **_how(name, field))(command)
    return command


def given_settings(options: dict[str, Any], **defaults: Any) -> ChosenSettings:
    """The settings: flags before variables before `defaults` before the model's own defaults.

    Raises: click.UsageError naming each wrong setting.
    """
    given = {name: value for name, value in options.items() if value is not None}
    try:
        settings = Settings(**given)
        unset = {name: value for name, value in defaults.items() if name not in _set(settings)}
        return Settings(**given, **unset) if unset else settings
    except ValidationError as error:
        raise click.UsageError(_explain(error)) from error


def _set(settings: ChosenSettings) -> set[str]:
    return settings.model_fields_set


def _names(name: str, field: FieldInfo) -> tuple[str, ...]:
    flag = flag_of(name)
    if field.annotation is bool:
        return (f"{flag}/--no-{flag.removeprefix('--')}", name)
    return (flag, name)


def _how(name: str, field: FieldInfo) -> dict[str, Any]:
    default = field.default
    shown = "" if default in ("", None, False, ()) else f"  [default: {default}]"
    how: dict[str, Any] = {
        "default": None,
        "help": f"{field.description}{shown}  [{variable_of(name)}]",
        "hidden": name not in ChosenSettings.model_fields,
    }
    if field.annotation is not bool:
        how["type"] = str
        how["metavar"] = _metavar(name, field)
    return how


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
