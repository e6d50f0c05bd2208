"""Chooses the Temporal of a process: a configured one, or a dev server of its own."""

import asyncio
import fcntl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from entrypoints.settings import ChosenSettings
from entrypoints.temporal.binary import Say, cache_dir, find_temporal
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
    """The choice, made before anything is started.

    target: the configured Temporal; None: run a dev server.
    binary: the program of the dev server; None: the SDK downloads it.
    """

    target: TemporalTarget | None
    binary: str | None = None


def plan_temporal(settings: ChosenSettings, say: Say) -> TemporalPlan:
    """Chooses a Temporal. Builds the dev server if there is none: that takes minutes, once."""
    target = configured_target(settings)
    if target is not None:
        say(f"Temporal: using {target.address}, namespace {target.namespace}")
        return TemporalPlan(target)
    return TemporalPlan(None, find_temporal(say))


async def start_temporal(
    stack: AsyncExitStack, plan: TemporalPlan, settings: ChosenSettings, say: Say, *, keep: bool
) -> tuple[TemporalTarget, TemporalAddress]:
    """Starts the dev server if the plan has one. It ends with the stack.

    keep: the dev server keeps its history beside the database, and it listens on Temporal's usual
        ports when they are free.

    Raises: CannotStart when the dev server does not start.
    """
    if plan.target is not None:
        ui = settings.temporal_ui.rstrip("/")
        return plan.target, TemporalAddress(plan.target.address, ui)
    async with _one_at_a_time():
        options = _dev_server_options(settings, keep=keep)
        where = await stack.enter_async_context(running_dev_server(plan.binary, options, say))
    namespace = settings.temporal_namespace or "default"
    return TemporalTarget(where.address, namespace, {}), where


@asynccontextmanager
async def _one_at_a_time() -> AsyncIterator[None]:
    """Keeps this user's other processes from choosing ports until the dev server listens.

    Two that start at the same moment would both find the usual port free. One server would end, and
    both processes would use the other one.
    """
    async with AsyncExitStack() as stack:
        with suppress(OSError):  # a cache that cannot be written: start without the lock
            cache_dir().mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context((cache_dir() / "ports.lock").open("w"))
            await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        yield


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
