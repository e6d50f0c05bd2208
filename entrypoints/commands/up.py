"""`evcommand up`: runs all roles in one process, and Temporal's dev server where none is set."""

from contextlib import AsyncExitStack

import click

from entrypoints.commands.banner import ready_banner
from entrypoints.lifetime import Lifetime
from entrypoints.processes import ALL_ROLES, running, telemetry
from entrypoints.settings import ChosenSettings
from entrypoints.temporal.binary import Say
from entrypoints.temporal.choice import TemporalPlan, plan_temporal, start_temporal


def run(settings: ChosenSettings, say: Say) -> None:
    """Runs everything and returns when it has drained. Raises: CannotStart."""
    plan = plan_temporal(settings, say)
    life = Lifetime(settings.stop_limit_s)
    life.run(_up(life, settings, plan, say))


async def _up(life: Lifetime, settings: ChosenSettings, plan: TemporalPlan, say: Say) -> None:
    with telemetry("up", settings):
        async with AsyncExitStack() as stack:
            target, temporal = await start_temporal(stack, plan, settings, say, keep=True)
            where = await stack.enter_async_context(running(settings, ALL_ROLES, target))
            click.echo(ready_banner(settings, where, temporal))
            await life.serving()
            click.echo("stopping ...")
    click.echo("stopped")
