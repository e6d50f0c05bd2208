"""A versioned worker takes commands as soon as its build is current: by the runbook's commands."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import VersioningBehavior
from temporalio.api.workflow.v1 import WorkflowExecutionVersioningInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest
from temporalio.client import Client

from broker.settings import BrokerSettings
from broker.temporal import Temporal
from contract.converter import DATA_CONVERTER
from domain.model.command import State
from entrypoints.temporal.binary import find_temporal
from entrypoints.temporal.dev_server import DevServerOptions, running_dev_server
from fleet.database import Database
from tests.support.benches.command_bench import Bench
from tests.support.scripted_gateway import accepted, answers
from workflows.build import DEPLOYMENT, replayed_build
from workflows.registration import register_search_attributes
from workflows.settings import WorkerSettings
from workflows.worker import running_worker

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Cli:
    """The temporal CLI, at one server."""

    def __init__(self, binary: str, address: str) -> None:
        self._binary, self._address = binary, address

    async def deployment(self, *words: str) -> tuple[int, str]:
        """`temporal worker deployment ...`: its exit status and what it said."""
        process = await asyncio.create_subprocess_exec(
            *(self._binary, "worker", "deployment", *words, "--address", self._address),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        return process.returncode or 0, said.decode()

    async def make_current(self) -> None:
        """Makes this build current, once the server knows it."""
        words = ("--deployment-name", DEPLOYMENT, "--build-id", replayed_build(), "--yes")
        said = ""
        async with asyncio.timeout(20):
            while True:
                status, said = await self.deployment("set-current-version", *words)
                if status == 0:
                    return
                assert "not found" in said.lower() or "no pollers" in said.lower(), said
                await asyncio.sleep(0.2)


@pytest_asyncio.fixture(loop_scope="session")
async def server(tmp_path: Path) -> AsyncIterator[tuple[Client, Cli]]:
    """A dev server of this test alone: what is current holds for a whole task queue."""
    options = DevServerOptions(log_file=tmp_path / "temporal.log", ui=False)
    binary = await asyncio.to_thread(find_temporal, lambda _: None)
    assert binary is not None
    async with running_dev_server(binary, options, lambda _: None) as where:
        client = await Client.connect(where.address, data_converter=DATA_CONVERTER)
        await register_search_attributes(client)
        yield client, Cli(binary, where.address)


async def versioning_of(client: Client, workflow_id: str) -> WorkflowExecutionVersioningInfo:
    request = DescribeWorkflowExecutionRequest(
        namespace=client.namespace, execution=WorkflowExecution(workflow_id=workflow_id)
    )
    found = await client.workflow_service.describe_workflow_execution(request)
    return found.workflow_execution_info.versioning_info


async def test_a_command_waits_for_a_current_build_and_is_taken_by_it(
    server: tuple[Client, Cli], database: Database
) -> None:
    client, cli = server

    async def now() -> datetime:
        return datetime.now(UTC)

    bench = Bench(client, database, now, asyncio.sleep)
    broker = Temporal(client, BrokerSettings(timing=bench.timing, eager_start=False))
    settings = WorkerSettings(versioning=True)
    async with running_worker(database, client, settings), bench.running():
        bench.gateway.plays = [answers(accepted())]
        command = await bench.start_command()
        await broker.submit(command, 5.0)
        assert (await bench.handle(command).describe()).history_length == 2  # no decision begun
        await cli.make_current()
        await bench.until(command, lambda known: known.state is State.AWAITING_EFFECT)
        info = await versioning_of(client, command.workflow_id)
    assert info.deployment_version.deployment_name == DEPLOYMENT
    assert info.deployment_version.build_id == replayed_build()
    assert info.behavior == VersioningBehavior.VERSIONING_BEHAVIOR_AUTO_UPGRADE
