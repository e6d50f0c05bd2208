"""What an operator sees in Temporal alone: which station, which command, which state, why."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from opentelemetry import trace
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.contrib.opentelemetry import TracingInterceptor

from broker.settings import BrokerSettings
from broker.temporal import Temporal
from contract import names
from domain.model.command import Command, State, WaitFor
from domain.model.specs import OfflinePolicy, StopSpec
from fleet.database import Database
from telemetry.build import build_id
from tests.support.benches.command_bench import Bench, rejected
from tests.support.histories.costs import cost_of
from tests.support.scripted_gateway import accepted, answers, loses
from workflows.calls import filters
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
        f"AND EvState = 'WORKING'"
    )
    assert command.workflow_id in await listed(real_bench.client, query)


async def attributes(bench: Bench, command: Command) -> dict[str, object]:
    """What a command that has ended is found by, without what all have."""
    await bench.handle(command).result()
    known = (await bench.handle(command).describe()).typed_search_attributes
    found = {pair.key.name: pair.value for pair in known}
    common = ("EvStation", "EvKind", "EvTenant", "BuildIds")
    return {name: value for name, value in found.items() if name not in common}


async def test_a_command_that_the_station_refused_costs_no_further_attribute(
    bench: Bench,
) -> None:
    bench.gateway.plays = [answers(rejected())]
    command = await bench.start_command()
    await bench.submit(command, WaitFor.OUTCOME)
    assert await attributes(bench, command) == {"EvState": "WORKING"}


async def test_a_command_that_was_not_sent_is_found_by_its_outcome(bench: Bench) -> None:
    await bench.disconnect()
    command = await bench.start_command()
    await bench.submit(command, WaitFor.OUTCOME)
    assert await attributes(bench, command) == {"EvState": "DONE", "EvOutcome": "NOT_SENT"}


async def test_a_command_that_waits_for_its_station_is_found_until_it_is_sent(
    real_bench: Bench,
) -> None:
    await real_bench.disconnect()
    real_bench.gateway.plays = [answers(accepted())]
    command = await real_bench.start_command(offline_policy=OfflinePolicy.WAIT)
    await real_bench.submit(command)
    station = f"EvStation = '{command.station}' AND ExecutionStatus = 'Running'"
    waiting = f"{station} AND EvState = 'WAITING_FOR_STATION'"
    assert await listed(real_bench.client, waiting) == [command.workflow_id]
    await real_bench.connect()
    working = f"{station} AND EvState = 'WORKING'"
    assert await listed(real_bench.client, working) == [command.workflow_id]


async def test_a_command_on_guard_is_found_and_asks_for_a_look_when_it_stays_unknown(
    bench: Bench,
) -> None:
    bench.gateway.plays = [loses()]
    command = await bench.start_command()
    await bench.submit(command, WaitFor.STATION_ANSWER)
    await bench.skip(bench.timing.connection_timeout_s + bench.timing.effect_margin_s + 30)
    await bench.until(command, lambda seen: seen.state is State.DONE)
    guarded = (await bench.handle(command).describe()).typed_search_attributes
    assert guarded[filters.STATE] == "ON_GUARD"
    await bench.end_of(command)
    assert await attributes(bench, command) == {
        "EvState": "DONE",
        "EvOutcome": "UNKNOWN",
        "EvAttention": ["STILL_UNKNOWN"],
    }


async def test_a_stop_is_found_by_its_transaction_and_its_indexed_labels(
    real_bench: Bench,
) -> None:
    spec = StopSpec(ocpp_transaction_id="7", found_ocpp_transaction_id="7", found_transaction="tx")
    stop = replace(await real_bench.stop_command("7"), stop=spec, labels={"site": "a", "desk": "b"})
    settings = BrokerSettings(timing=real_bench.timing, index_labels="site, driver")
    await Temporal(real_bench.client, settings).submit(stop, 5.0)
    query = "EvTransaction = 'tx' AND EvLabels = 'site=a'"
    assert await listed(real_bench.client, f"{query} AND EvStation = '{stop.station}'")
    known = (await real_bench.handle(stop).describe()).typed_search_attributes
    assert known[SearchAttributeKey.for_keyword_list(names.LABELS_ATTRIBUTE)] == ["site=a"]
    await real_bench.handle(stop).terminate("the test is over")


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


async def test_a_workflow_tells_its_story_and_says_what_each_handler_does(
    real_bench: Bench,
) -> None:
    real_bench.gateway.plays = [loses()]
    command = await real_bench.start_command()
    await real_bench.submit(command, WaitFor.STATION_ANSWER)
    handle = real_bench.handle(command)
    told = await handle.query(names.STORY_QUERY, result_type=str)
    assert "AWAITING_EFFECT" in told
    assert "Frames that it tried to send: 1" in told
    assert f"evcommand explain {command.name}" in told
    shown = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    described = shown.definition
    ours = {
        each.name: each.description
        for kind in (
            described.query_definitions,
            described.signal_definitions,
            described.update_definitions,
        )
        for each in kind
        if not each.name.startswith("__")
    }
    assert set(ours) == {"story", "wake", "submit", "cancel"}
    assert all(ours.values())


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
