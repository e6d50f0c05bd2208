"""What an operator sees in Temporal alone: which station, which command, which state, why."""

import asyncio
from datetime import UTC, datetime

import pytest
from opentelemetry import trace
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client
from temporalio.contrib.opentelemetry import TracingInterceptor

from domain.model.command import WaitFor
from fleet.database import Database
from telemetry.build import build_id
from tests.support.benches.command_bench import Bench, rejected
from tests.support.histories.costs import cost_of
from tests.support.scripted_gateway import accepted, answers, loses
from workflows.registration import register_search_attributes
from workflows.worker import running_worker

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def utc_now() -> datetime:
    return datetime.now(UTC)


async def listed(client: Client, query: str) -> list[str]:
    """The workflows that a filter of the web UI finds, as soon as it finds any."""
    async with asyncio.timeout(10):
        while True:
            found = [run.id async for run in client.list_workflows(query)]
            if found:
                return found
            await asyncio.sleep(0.1)


async def test_commands_are_found_by_station_kind_tenant_and_outcome(real_bench: Bench) -> None:
    real_bench.gateway.plays = [answers(rejected())]
    command = await real_bench.start_command()
    await real_bench.submit(command, WaitFor.OUTCOME)
    query = (
        f"EvStation = '{command.station}' AND EvKind = 'START_SESSION' AND EvTenant = 'acme' "
        f"AND EvOutcome = 'REJECTED'"
    )
    assert command.workflow_id in await listed(real_bench.client, query)


async def test_summary_and_details_tell_station_command_state_and_why(real_bench: Bench) -> None:
    real_bench.gateway.plays = [loses()]
    command = await real_bench.start_command()
    await real_bench.submit(command, WaitFor.STATION_ANSWER)
    handle = real_bench.handle(command)
    description = await handle.describe()
    assert await description.static_summary() == (
        f"Start session at {command.station}, EVSE 1, token ****1234"
    )
    shown = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    for words in (command.station, "AWAITING_EFFECT", "CONNECTION_LOST_AFTER_SEND"):
        assert words in shown.current_details


async def test_each_decision_names_the_build_that_made_it(real_bench: Bench) -> None:
    real_bench.gateway.plays = [answers(rejected())]
    command = await real_bench.start_command()
    await real_bench.submit(command, WaitFor.OUTCOME)
    history = await real_bench.handle(command).fetch_history()
    decisions = [
        event.workflow_task_completed_event_attributes
        for event in history.events
        if event.HasField("workflow_task_completed_event_attributes")
    ]
    assert {decision.worker_version.build_id for decision in decisions} == {build_id()}


async def test_registering_search_attributes_again_changes_nothing(real_client: Client) -> None:
    await register_search_attributes(real_client)
    await asyncio.gather(*(register_search_attributes(real_client) for _ in range(3)))


async def test_a_traced_command_costs_and_ends_the_same(
    real_client: Client, database: Database
) -> None:
    config = real_client.config()
    config["interceptors"] = [TracingInterceptor(trace.get_tracer("evcommand"))]
    client = Client(**config)
    bench = Bench(client, database, utc_now, asyncio.sleep)
    bench.gateway.plays = [answers(accepted())]
    async with running_worker(database, client), bench.running():
        command = await bench.start_command()
        await bench.submit(command, WaitFor.STATION_ANSWER)
        await bench.session_starts()
        cost = await cost_of(bench.handle(command))
    assert cost.events <= 21, cost
