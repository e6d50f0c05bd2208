"""Reads the environment that a deployment gives a process, with the project's own settings."""

import os
from collections.abc import Mapping

import pytest

from broker.settings import check_listener
from entrypoints.options import given_settings, variable_of
from entrypoints.settings import ChosenSettings, Settings
from entrypoints.temporal.client import TemporalTarget, configured_target

OTHERS = {
    *("TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_API_KEY", "TEMPORAL_TLS"),
    *("TEMPORAL_TLS_CLIENT_CERT_PATH", "TEMPORAL_TLS_CLIENT_KEY_PATH"),
    *("TEMPORAL_TLS_SERVER_CA_CERT_PATH", "TEMPORAL_TLS_SERVER_NAME"),
}
"""Variables that Temporal's SDK reads."""


def unknown_variables(names: set[str]) -> set[str]:
    """What neither the program nor Temporal's SDK reads: a misspelt setting has no effect."""
    known = {variable_of(name) for name in Settings.model_fields} | OTHERS
    return {name for name in names - known if not name.startswith("OTEL_")}


def started_with(
    environment: Mapping[str, str], patch: pytest.MonkeyPatch
) -> tuple[ChosenSettings, TemporalTarget]:
    """The settings and the Temporal of a process with these variables, and with no others of ours.

    Raises: what ends a process with wrong settings before it connects to anything.
    """
    for name in os.environ:
        if name.startswith(("EVCOMMAND_", "TEMPORAL_")):
            patch.delenv(name)
    patch.setenv("TEMPORAL_CONFIG_FILE", "/nowhere/temporal.toml")
    for name, value in environment.items():
        patch.setenv(name, value)
    settings = given_settings({})
    target = configured_target(settings)
    assert target is not None, "no Temporal is named"
    return settings, target


def check_beyond_loopback(settings: ChosenSettings) -> None:
    """Raises what ends a process whose listeners strangers could use."""
    assert not settings.insecure and not settings.open
    check_listener(settings.broker())
    settings.gateway().check()
    if settings.metrics_listen:
        assert settings.metrics_token()
