"""The composition root: what a process consists of, in which order it starts and how it ends."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TextIO

from temporalio.client import Client

from broker.process import ListenFailed, running_broker
from broker.settings import UnsafeBroker
from domain.loopback import is_loopback
from entrypoints.errors import CannotStart
from entrypoints.options import flag_of, variable_of
from entrypoints.settings import ChosenSettings, split_address
from entrypoints.temporal_client import TemporalTarget, connect
from fleet.engine.database import Database
from fleet.engine.unavailable import DatabaseUnavailable
from station_gateway.process import running_gateway
from station_gateway.settings import UnsafeStationListener as UnsafeGateway
from telemetry.logs import LogFormat, configure_logs
from telemetry.metrics_server import serving_metrics
from telemetry.tracing import configure_tracing
from workflows.worker import running_worker


class Role(StrEnum):
    """What a process does. `evcommand up` does all of it."""

    BROKER = "broker"
    WORKER = "worker"
    GATEWAY = "gateway"


ALL_ROLES = tuple(Role)


@dataclass(frozen=True)
class Running:
    """The addresses that a process really listens on; None for what it does not do."""

    grpc: str | None = None
    ocpp: str | None = None
    metrics: str | None = None


@contextmanager
def telemetry(
    process: str, settings: ChosenSettings, *, stream: TextIO | None = None
) -> Iterator[None]:
    """Logs (to stderr, or to `stream`) and traces of this process, until the block is left."""
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
) -> AsyncIterator[Running]:
    """Runs these roles until the block is left, then drains them: callers first, decisions last.

    Raises: CannotStart naming what is missing or taken.
    """
    async with AsyncExitStack() as stack:
        metrics = _serve_metrics(stack, settings)
        db = await _open_database(settings)
        stack.push_async_callback(db.close)
        client = await connect(target, timeout_s=settings.startup_timeout_s)
        if Role.WORKER in roles:
            await stack.enter_async_context(
                running_worker(db, client, settings.worker(), settings.timing())
            )
        ocpp = await _start_gateway(stack, db, client, settings) if Role.GATEWAY in roles else None
        grpc = await _start_broker(stack, db, client, settings) if Role.BROKER in roles else None
        yield Running(grpc, ocpp, metrics)


async def _start_gateway(
    stack: AsyncExitStack, db: Database, client: Client, settings: ChosenSettings
) -> str:
    try:
        gateway = await stack.enter_async_context(running_gateway(db, client, settings.gateway()))
    except (UnsafeGateway, ValueError) as error:
        raise CannotStart(str(error)) from error
    except (OSError, ssl.SSLError) as error:
        raise _cannot_listen("ocpp_listen", settings.ocpp_listen, error) from error
    host, _ = split_address(settings.ocpp_listen)
    return _join(host, gateway.port)


async def _start_broker(
    stack: AsyncExitStack, db: Database, client: Client, settings: ChosenSettings
) -> str:
    try:
        broker = await stack.enter_async_context(running_broker(db, client, settings.broker()))
    except (UnsafeBroker, ValueError) as error:
        raise CannotStart(str(error)) from error
    except (OSError, ListenFailed) as error:
        raise _cannot_listen("grpc_listen", settings.grpc_listen, error) from error
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
    try:
        return _join(host, stack.enter_context(serving_metrics(host, port)))
    except OSError as error:
        raise _cannot_listen("metrics_listen", settings.metrics_listen, error) from error


async def _open_database(settings: ChosenSettings) -> Database:
    """Waits for the database as long as for Temporal: in a fleet they start in any order."""
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


def _cannot_listen(setting: str, address: str, error: Exception) -> CannotStart:
    return CannotStart(
        f"Cannot listen on {address}: {error}\n"
        f"Choose another address with {flag_of(setting)} or {variable_of(setting)}, "
        "or port 0 for a free one."
    )


def _join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
