"""Which Temporal a process uses: a configured one, or a dev server of its own."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from entrypoints.settings import ChosenSettings
from entrypoints.temporal.binary import Say, find_temporal
from entrypoints.temporal.client import TemporalTarget, configured_target
from entrypoints.temporal.dev_server import (
    DevServerOptions,
    TemporalAddress,
    is_free,
    running_dev_server,
)

_USUAL_PORT, _USUAL_UI_PORT = 7233, 8233


@dataclass(frozen=True)
class TemporalPlan:
    """What was found before anything was started.

    target: a configured Temporal, or None. binary: for a dev server of our own; None downloads it.
    """

    target: TemporalTarget | None
    binary: str | None = None


def plan_temporal(settings: ChosenSettings, say: Say) -> TemporalPlan:
    """Looks for a Temporal. Builds the dev server when it must, which takes minutes, once."""
    target = configured_target(settings)
    if target is not None:
        say(f"Temporal: using {target.address}, namespace {target.namespace}")
        return TemporalPlan(target)
    return TemporalPlan(None, find_temporal(say))


async def start_temporal(
    stack: AsyncExitStack, plan: TemporalPlan, settings: ChosenSettings, say: Say, *, keep: bool
) -> tuple[TemporalTarget, TemporalAddress]:
    """The planned Temporal; a dev server ends with the stack.

    keep: its history is kept beside the database, and it takes the usual ports when they are free.
    """
    if plan.target is not None:
        ui = settings.temporal_ui.rstrip("/")
        return plan.target, TemporalAddress(plan.target.address, ui)
    options = _dev_server_options(settings, keep=keep)
    where = await stack.enter_async_context(running_dev_server(plan.binary, options, say))
    namespace = settings.temporal_namespace or "default"
    return TemporalTarget(where.address, namespace, {}), where


def _dev_server_options(settings: ChosenSettings, *, keep: bool) -> DevServerOptions:
    database = settings.sqlite_file
    beside = database.parent / database.stem if database else settings.data_dir / "evcommand"
    log_file = Path(f"{beside}-temporal.log")
    if not keep:
        return DevServerOptions(log_file)
    return DevServerOptions(
        log_file,
        port=_USUAL_PORT if is_free(_USUAL_PORT) else 0,
        ui_port=_USUAL_UI_PORT if is_free(_USUAL_UI_PORT) else 0,
        db_file=Path(f"{beside}-temporal.sqlite"),
    )
