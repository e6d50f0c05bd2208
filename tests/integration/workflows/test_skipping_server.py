"""The server that skips time is replaced when its time stands still."""

import asyncio
from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.integration.workflows.conftest import SkippingServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUEUE = "an-activity-that-stays-out"


@workflow.defn
class WaitingWorkflow:
    """Waits for one activity."""

    @workflow.run
    async def run(self) -> None:
        await workflow.execute_activity("stays_out", start_to_close_timeout=timedelta(hours=1))


async def test_after_a_workflow_that_ended_with_an_activity_out_there_is_another_server(
    skipping_server: SkippingServer,
) -> None:
    begun = asyncio.Event()

    @activity.defn
    async def stays_out() -> None:
        begun.set()
        await asyncio.Event().wait()

    first = await skipping_server.ready()
    assert await skipping_server.ready() is first
    runner = UnsandboxedWorkflowRunner()
    async with Worker(
        first.client,
        task_queue=QUEUE,
        workflows=[WaitingWorkflow],
        activities=[stays_out],
        workflow_runner=runner,
    ):
        handle = await first.client.start_workflow(
            WaitingWorkflow.run, id="waits", task_queue=QUEUE
        )
        await begun.wait()
        await handle.terminate("the activity stays out")
    assert await skipping_server.ready() is not first
