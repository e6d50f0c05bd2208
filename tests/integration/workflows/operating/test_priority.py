"""What is started carries its priority and its tenant to the task queues: read from the server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio import activity
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
)
from temporalio.client import Client
from temporalio.service import RPCError

from broker.settings import BrokerSettings
from broker.temporal import Temporal
from contract.commands import SendFrameInput, SendFrameResult
from contract.names import CALLBACK_WORKFLOW, callback_workflow_id, reservation_workflow_id
from contract.reservations import ChangeInput
from domain.model.command import Command, WaitFor
from journal.callback_outbox import wake_callback
from tests.support.benches.command_bench import TENANT, Bench
from tests.support.benches.hold_bench import reservation, reservation_of, reserve_command
from tests.support.scripted_gateway import Play, ScriptedGateway, accepted, answers

pytestmark = pytest.mark.asyncio(loop_scope="session")

Seen = list[tuple[int | None, str | None]]


def noting(seen: Seen, play: Play) -> Play:
    """A play that notes the priority with which its activity was handed out."""

    async def noted(gateway: ScriptedGateway, frame: SendFrameInput) -> SendFrameResult:
        given = activity.info().priority
        seen.append((given.priority_key, given.fairness_key))
        return await play(gateway, frame)

    return noted


async def described(client: Client, workflow_id: str) -> DescribeWorkflowExecutionResponse:
    request = DescribeWorkflowExecutionRequest(
        namespace=client.namespace, execution=WorkflowExecution(workflow_id=workflow_id)
    )
    return await client.workflow_service.describe_workflow_execution(request)


async def priority_of(client: Client, workflow_id: str) -> tuple[int, str]:
    """What the server says of a workflow, as soon as it is started."""
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(RPCError):
                info = (await described(client, workflow_id)).workflow_execution_info
                return info.priority.priority_key, info.priority.fairness_key
            await asyncio.sleep(0.05)


@pytest.fixture
def eager_bench(real_bench: Bench) -> Bench:
    """A bench whose commands are started by the broker's own code."""
    real_bench.eager = True
    return real_bench


async def commands_of(bench: Bench) -> AsyncIterator[tuple[Command, int]]:
    """Some commands, and where each stands."""
    yield await bench.unlock_command(), 1
    yield await bench.start_command(), 2
    yield await bench.reset_command(), 3


async def test_a_command_and_its_frame_carry_the_priority_of_the_kind(eager_bench: Bench) -> None:
    bench = eager_bench
    async for command, key in commands_of(bench):
        seen: Seen = []
        bench.gateway.plays = [noting(seen, answers(accepted()))]
        await bench.submit(command, WaitFor.STATION_ANSWER)
        assert await priority_of(bench.client, command.workflow_id) == (key, TENANT)
        assert seen == [(key, TENANT)]


async def test_a_reservation_that_a_wake_up_starts_comes_after_commands(eager_bench: Bench) -> None:
    bench = eager_bench
    bench.gateway.plays = [answers(accepted())]
    command = await reserve_command(bench, ttl=timedelta(hours=1))
    await bench.submit(command, WaitFor.OUTCOME)
    workflow_id = reservation_workflow_id(TENANT, reservation_of(command))
    assert await priority_of(bench.client, workflow_id) == (4, TENANT)


async def test_a_run_that_a_change_of_a_reservation_starts_has_its_priority(
    eager_bench: Bench,
) -> None:
    bench = eager_bench
    bench.gateway.plays = [answers(accepted()), answers(accepted())]
    command = await reserve_command(bench, ttl=timedelta(hours=1))
    await bench.submit(command, WaitFor.OUTCOME)
    held = await reservation(bench, command)
    await priority_of(bench.client, held.workflow_id)  # it is started
    first = (await described(bench.client, held.workflow_id)).workflow_execution_info
    await bench.client.get_workflow_handle(held.workflow_id).terminate("for a second run")
    later = ChangeInput("change-1", expire_time=held.expire_time + timedelta(hours=1))
    await Temporal(bench.client, BrokerSettings()).change(held, later, 5.0)
    info = (await described(bench.client, held.workflow_id)).workflow_execution_info
    assert info.execution.run_id != first.execution.run_id
    assert (info.priority.priority_key, info.priority.fairness_key) == (4, TENANT)


async def test_callbacks_that_a_wake_up_starts_come_last(eager_bench: Bench) -> None:
    bench = eager_bench
    command = await bench.unlock_command()
    async with bench.db.write() as tx:
        await wake_callback(tx, command, "news", await bench.now())
    workflow_id = callback_workflow_id(TENANT, command.name)
    assert await priority_of(bench.client, workflow_id) == (5, TENANT)
    info = (await described(bench.client, workflow_id)).workflow_execution_info
    assert info.type.name == CALLBACK_WORKFLOW
