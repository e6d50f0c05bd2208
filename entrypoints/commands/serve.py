"""`evcommand broker`, `worker` and `gateway`: runs one role until the process is told to stop."""

import click

from entrypoints.errors import CannotStart
from entrypoints.lifetime import Lifetime
from entrypoints.processes import ListenAddresses, Role, running, telemetry
from entrypoints.settings import ChosenSettings
from entrypoints.temporal.client import TemporalTarget, configured_target

_NO_TEMPORAL = (
    "No Temporal: set --temporal-address or TEMPORAL_ADDRESS. "
    "(`evcommand up` starts a dev server by itself.)"
)


def run(role: Role, settings: ChosenSettings) -> None:
    """Runs the role and returns when it has drained. Raises: CannotStart."""
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
