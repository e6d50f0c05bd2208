"""The composition root: what a process consists of, in which order it starts and how it ends.

`evcommand broker`, `worker` and `gateway` run one role each; `up` and `demo` run all of them in one
process. Every process is put together here, from the same parts:

    metrics, database, clock, Temporal client, then worker, gateway, broker

A process loads the rooms of its own roles alone, because loading takes most of its start.

The parts end in reverse order: the broker stops taking calls first, and the worker decides until
the last caller and the last station are served.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TextIO, TypeAlias

from temporalio.client import Client
from temporalio.runtime import Runtime

from domain.loopback import is_loopback
from entrypoints.errors import CannotStart
from entrypoints.listening import file_errors, joined, start_errors
from entrypoints.settings import ChosenSettings, split_address
from entrypoints.temporal.client import TemporalTarget, connect
from entrypoints.temporal.sdk_runtime import counting_runtime
from fleet.database import Database
from fleet.database_time import has_clock, read_time
from fleet.engine.unavailable import DatabaseUnavailable
from journal.clock import Clock
from journal.fleet_clock import ClockNotMeasured, FleetClock
from telemetry.health import Health
from telemetry.logs import LogFormat, configure_logs
from telemetry.metrics_server import serving_metrics
from telemetry.sdk_metrics import sdk_metrics_shown
from telemetry.supervision import background
from telemetry.tracing import configure_tracing


class Role(StrEnum):
    """What a process does. `evcommand up` has all roles."""

    BROKER = "broker"
    WORKER = "worker"
    GATEWAY = "gateway"


ALL_ROLES = tuple(Role)

_Start: TypeAlias = Callable[
    [AsyncExitStack, Database, Client, ChosenSettings, Clock], Awaitable[str | None]
]
"""Starts a role. Returns the address on which it listens, if it does."""

_IN_ORDER = (Role.WORKER, Role.GATEWAY, Role.BROKER)


@dataclass(frozen=True)
class ListenAddresses:
    """The addresses on which a process listens. None: it does not have this listener."""

    grpc: str | None = None
    ocpp: str | None = None
    metrics: str | None = None


@contextmanager
def telemetry(
    process: str, settings: ChosenSettings, *, stream: TextIO | None = None
) -> Iterator[None]:
    """Writes logs and sends traces of this process until the block is left.

    stream: where the logs go; None: stderr.
    """
    form = LogFormat(settings.log_format)
    configure_logs(process, level=settings.log_level, form=form, stream=stream)
    tracing = configure_tracing(process)
    try:
        yield
    finally:
        tracing.close()


@asynccontextmanager
async def running(
    settings: ChosenSettings, roles: tuple[Role, ...], target: TemporalTarget
) -> AsyncIterator[ListenAddresses]:
    """Runs these roles until the block is left, then drains them. Yields the addresses.

    Raises: CannotStart that names what is missing or taken.
    """
    wanted = {*roles, *_carried(roles, settings)}
    starts = {role: _load(role) for role in _IN_ORDER if role in wanted}
    async with AsyncExitStack() as stack:
        health = Health(asyncio.get_running_loop())
        metrics = _serve_metrics(stack, settings, health)
        runtime = _count_for_the_sdk(stack) if metrics else None
        db = await _open_database(settings)
        stack.push_async_callback(db.close)
        clock = await _fleet_clock(db, settings)
        await stack.enter_async_context(background("clock", clock.run))
        client = await connect(target, timeout_s=settings.startup_timeout_s, runtime=runtime)
        where = {
            role: await start(stack, db, client, settings, clock.now)
            for role, start in starts.items()
        }
        with health.serving():
            yield ListenAddresses(where.get(Role.BROKER), where.get(Role.GATEWAY), metrics)


def _carried(roles: tuple[Role, ...], settings: ChosenSettings) -> tuple[Role, ...]:
    """The roles that these ones need in their process: commands are started eagerly there."""
    eager = Role.BROKER in roles and settings.broker().eager_start
    return (Role.WORKER,) if eager else ()


def _load(role: Role) -> _Start:
    """What starts this role, with the rooms that it needs."""
    match role:
        case Role.WORKER:
            from entrypoints.roles import worker

            return worker.start
        case Role.GATEWAY:
            from entrypoints.roles import gateway

            return gateway.start
        case Role.BROKER:
            from entrypoints.roles import broker

            return broker.start


def _serve_metrics(stack: AsyncExitStack, settings: ChosenSettings, health: Health) -> str | None:
    if not settings.metrics_listen:
        return None
    host, port = split_address(settings.metrics_listen)
    with file_errors("metrics_token_file"):
        token = settings.metrics_token()
    if not (token or is_loopback(host) or settings.insecure):
        raise CannotStart(
            f"--metrics-listen {settings.metrics_listen} can be read by other machines, without "
            "credentials: give a --metrics-token-file, listen on 127.0.0.1, or say --insecure"
        )
    with start_errors("metrics_listen", settings.metrics_listen):
        endpoint = serving_metrics(host, port, token=token, health=health)
        return joined(host, stack.enter_context(endpoint))


def _count_for_the_sdk(stack: AsyncExitStack) -> Runtime:
    """Has the SDK count, and shows its metrics on this process's endpoint."""
    runtime, port = counting_runtime()
    stack.enter_context(sdk_metrics_shown(port))
    return runtime


async def _open_database(settings: ChosenSettings) -> Database:
    """Opens the database. Waits for it as long as for Temporal: they may start in any order."""
    with file_errors("database_url_file"):
        url = settings.database
    if settings.sqlite_file is not None:
        settings.sqlite_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    deadline = asyncio.get_running_loop().time() + settings.startup_timeout_s
    while True:
        try:
            return await Database.open(url)
        except DatabaseUnavailable as error:
            if asyncio.get_running_loop().time() > deadline:
                raise CannotStart(f"The database cannot be used: {error}") from error
        except ValueError as error:
            raise CannotStart(f"--database-url: {error}") from error
        await asyncio.sleep(0.5)


async def _fleet_clock(db: Database, settings: ChosenSettings) -> FleetClock:
    """The time of the fleet. Nothing is served before it is known."""
    clock = FleetClock((lambda: read_time(db)) if has_clock(db) else None)
    deadline = asyncio.get_running_loop().time() + settings.startup_timeout_s
    while True:
        try:
            await clock.measure()
        except (DatabaseUnavailable, ClockNotMeasured) as error:
            if asyncio.get_running_loop().time() > deadline:
                raise CannotStart(f"The database's clock cannot be read: {error}") from error
        else:
            return clock
        await asyncio.sleep(0.5)
