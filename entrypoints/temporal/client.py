"""Connects to Temporal. Our settings win over Temporal's own variables and profile file."""

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from opentelemetry import trace
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.envconfig import ClientConfig
from temporalio.runtime import Runtime
from temporalio.service import RPCError

from contract.converter import DATA_CONVERTER
from entrypoints.errors import CannotStart
from entrypoints.settings import ChosenSettings
from entrypoints.temporal.sdk_runtime import plain_runtime
from workflows.registration import (
    ATTRIBUTES,
    RegistrationFailed,
    register_search_attributes,
    search_attributes_work,
)

log = structlog.get_logger(__name__)

_RETRY_S = 0.5
_ATTEMPT_S = 5.0
# A server reloads its search attributes every minute; until then it refuses new ones.
_NEW_ATTRIBUTES_S = 90.0
# A request id is known as long as Temporal keeps the ended command.
_LEAST_RETENTION = timedelta(hours=24)


@dataclass(frozen=True)
class TemporalTarget:
    """The address of a Temporal, the namespace, and the other options of Client.connect."""

    address: str
    namespace: str
    options: dict[str, Any]


def configured_target(settings: ChosenSettings) -> TemporalTarget | None:
    """The configured Temporal. None: none is configured."""
    given: dict[str, Any] = dict(ClientConfig.load_client_connect_config())
    address = settings.temporal_address or given.pop("target_host", "")
    given.pop("target_host", None)
    namespace = settings.temporal_namespace or given.pop("namespace", None) or "default"
    given.pop("namespace", None)
    return TemporalTarget(address, namespace, given) if address else None


async def connect(
    target: TemporalTarget, *, timeout_s: float, runtime: Runtime | None = None
) -> Client:
    """Waits until Temporal serves and knows our search attributes; returns a client.

    runtime: of the SDK, for this client and its workers; None: one that counts nothing.

    Raises: CannotStart that names the address and the remedy, after `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            async with asyncio.timeout(_ATTEMPT_S):
                client = await _dial(target, runtime)
                await _check_namespace(client)
                await register_search_attributes(client)
                break
        except RegistrationFailed as error:
            raise CannotStart(str(error)) from error
        except (RPCError, RuntimeError, OSError, TimeoutError) as error:
            if time.monotonic() > deadline:
                raise CannotStart(_unreachable(target, error)) from error
            log.info("waiting_for_temporal", address=target.address, error=str(error))
        await asyncio.sleep(_RETRY_S)
    await _until_attributes_work(client)
    return client


async def _until_attributes_work(client: Client) -> None:
    deadline = time.monotonic() + _NEW_ATTRIBUTES_S
    while not await _attributes_work(client):
        if time.monotonic() > deadline:
            raise CannotStart(
                f"Temporal does not take the search attributes {', '.join(ATTRIBUTES)} of "
                f"namespace {client.namespace!r}, although they are registered. See its log."
            )
        log.info("waiting_for_search_attributes", namespace=client.namespace)
        await asyncio.sleep(_RETRY_S * 2)


async def _attributes_work(client: Client) -> bool:
    try:
        async with asyncio.timeout(_ATTEMPT_S):
            return await search_attributes_work(client)
    except (RPCError, TimeoutError) as error:
        log.info("waiting_for_temporal", error=str(error))
        return False


async def _dial(target: TemporalTarget, runtime: Runtime | None) -> Client:
    return await Client.connect(
        target.address,
        namespace=target.namespace,
        data_converter=DATA_CONVERTER,
        interceptors=[TracingInterceptor(trace.get_tracer("evcommand"))],
        runtime=runtime or plain_runtime(),
        **target.options,
    )


async def _check_namespace(client: Client) -> None:
    reply = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace)
    )
    retention = reply.config.workflow_execution_retention_ttl.ToTimedelta()
    if timedelta(0) < retention < _LEAST_RETENTION:
        log.warning(
            "namespace_forgets_too_soon",
            namespace=client.namespace,
            retention_h=retention.total_seconds() / 3600,
            remedy="a request id that is repeated later than this becomes a second command; "
            f"temporal operator namespace update -n {client.namespace} --retention 72h",
        )


def _unreachable(target: TemporalTarget, error: Exception) -> str:
    return (
        f"Temporal cannot be used at {target.address}, namespace {target.namespace!r}: {error}\n"
        "Is it running? Name it with --temporal-address or TEMPORAL_ADDRESS, or let "
        "`evcommand up` start a dev server."
    )
