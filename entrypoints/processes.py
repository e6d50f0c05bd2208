"""The composition root: what a process consists of, in which order it starts and how it ends.

`evcommand broker`, `worker` and `gateway` run one role each; `up` and `demo` run all of them in one
process. Every process is put together here, from the same parts:

    metrics, database, Temporal client, then worker, gateway, broker

The parts end in reverse order: the broker stops taking calls first, and the worker decides until
the last caller and the last station are served.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TextIO

from temporalio.client import Client
from temporalio.runtime import Runtime

from broker.process import ListenFailed, running_broker
from broker.settings import UnsafeBroker
from domain.loopback import is_loopback
from entrypoints.errors import CannotStart
from entrypoints.options import flag_of, variable_of
from entrypoints.settings import ChosenSettings, split_address
from entrypoints.temporal.client import TemporalTarget, connect
from entrypoints.temporal.sdk_runtime import counting_runtime
from fleet.database import Database
from fleet.engine.unavailable import DatabaseUnavailable
from station_gateway.process import running_gateway
from station_gateway.settings import UnsafeStationListener as UnsafeGateway
from telemetry.logs import LogFormat, configure_logs
from telemetry.metrics_server import serving_metrics
from telemetry.sdk_metrics import sdk_metrics_shown
from telemetry.tracing import configure_tracing
from workflows.worker import running_worker


class Role(StrEnum):
    """What a process does. `evcommand up` has all roles."""

    BROKER = "broker"
    WORKER = "worker"
    GATEWAY = "gateway"


ALL_ROLES = tuple(Role)


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
    async with AsyncExitStack() as stack:
        metrics = _serve_metrics(stack, settings)
        runtime = _count_for_the_sdk(stack) if metrics else None
        db = await _open_database(settings)
        stack.push_async_callback(db.close)
        client = await connect(target, timeout_s=settings.startup_timeout_s, runtime=runtime)
        eager = Role.BROKER in roles and settings.broker().eager_start
        if Role.WORKER in roles or eager:
            await stack.enter_async_context(
                running_worker(db, client, settings.worker(), settings.timing())
            )
        ocpp = await _start_gateway(stack, db, client, settings) if Role.GATEWAY in roles else None
        grpc = await _start_broker(stack, db, client, settings) if Role.BROKER in roles else None
        yield ListenAddresses(grpc, ocpp, metrics)


async def _start_gateway(
    stack: AsyncExitStack, db: Database, client: Client, settings: ChosenSettings
) -> str:
    with _start_errors("ocpp_listen", settings.ocpp_listen):
        gateway = await stack.enter_async_context(running_gateway(db, client, settings.gateway()))
    host, _ = split_address(settings.ocpp_listen)
    return _join(host, gateway.port)


async def _start_broker(
    stack: AsyncExitStack, db: Database, client: Client, settings: ChosenSettings
) -> str:
    with _start_errors("grpc_listen", settings.grpc_listen):
        broker = await stack.enter_async_context(running_broker(db, client, settings.broker()))
    return broker.address


def _serve_metrics(stack: AsyncExitStack, settings: ChosenSettings) -> str | None:
    if not settings.metrics_listen:
        return None
    host, port = split_address(settings.metrics_listen)
    if not is_loopback(host) and not settings.insecure:
        raise CannotStart(
            f"--metrics-listen {settings.metrics_listen} can be read by other machines, without "
            "credentials: listen on 127.0.0.1, or say --insecure"
        )
    with _start_errors("metrics_listen", settings.metrics_listen):
        return _join(host, stack.enter_context(serving_metrics(host, port)))


def _count_for_the_sdk(stack: AsyncExitStack) -> Runtime:
    """Has the SDK count, and shows its metrics on this process's endpoint."""
    runtime, port = counting_runtime()
    stack.enter_context(sdk_metrics_shown(port))
    return runtime


async def _open_database(settings: ChosenSettings) -> Database:
    """Opens the database. Waits for it as long as for Temporal: they may start in any order."""
    if settings.sqlite_file is not None:
        settings.sqlite_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    deadline = asyncio.get_running_loop().time() + settings.startup_timeout_s
    while True:
        try:
            return await Database.open(settings.database)
        except DatabaseUnavailable as error:
            if asyncio.get_running_loop().time() > deadline:
                raise CannotStart(f"The database cannot be used: {error}") from error
        except ValueError as error:
            raise CannotStart(f"--database-url: {error}") from error
        await asyncio.sleep(0.5)


@contextmanager
def _start_errors(setting: str, address: str) -> Iterator[None]:
    """Turns the errors of a listener that cannot start into CannotStart."""
    try:
        yield
    except (UnsafeBroker, UnsafeGateway, ValueError) as error:
        raise CannotStart(str(error)) from error
    except (OSError, ListenFailed) as error:
        raise CannotStart(
            f"Cannot listen on {address}: {error}\n"
            f"Choose another address with {flag_of(setting)} or {variable_of(setting)}, "
            "or port 0 for a free one."
        ) from error


def _join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
