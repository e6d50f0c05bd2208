"""The runtime of Temporal's SDK: what it counts, and where its log lines go.

Left alone, the SDK's core writes its lines itself, and waits for their reader. So a pipe that
nobody reads would stop everything that speaks to Temporal. Its lines go through our own log.
"""

import logging
from functools import cache

from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

from entrypoints.errors import CannotStart
from entrypoints.temporal.dev_server import free_port

_PORT_TRIES = 5
_LOGS = LoggingConfig(
    TelemetryFilter(core_level="WARN", other_level="ERROR"),
    forwarding=LogForwardingConfig(logging.getLogger("temporalio")),
)


@cache
def plain_runtime() -> Runtime:
    """The runtime of a process that serves no metrics: it counts nothing."""
    return Runtime(telemetry=TelemetryConfig(logging=_LOGS))


def counting_runtime() -> tuple[Runtime, int]:
    """A runtime that counts, and the loopback port of its page. Clients take it when they connect.

    The page is served for as long as the runtime is used.

    Raises: CannotStart when no loopback port can be had.
    """
    for left in reversed(range(_PORT_TRIES)):
        port = free_port()
        try:
            return Runtime(telemetry=_telemetry(port)), port
        except ValueError as error:  # somebody else took the port meanwhile
            if not left:
                raise CannotStart(f"Temporal's SDK cannot serve its metrics: {error}") from error
    raise AssertionError("unreachable: the last try returns or raises")


def _telemetry(port: int) -> TelemetryConfig:
    page = PrometheusConfig(
        bind_address=f"127.0.0.1:{port}",
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
    )
    return TelemetryConfig(logging=_LOGS, metrics=page, attach_service_name=False)
