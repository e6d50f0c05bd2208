"""The cost card: exact counts by the real server, the same on every machine."""

from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.worker import Worker

from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Command, WaitFor
from tests.support.command_bench import Bench, rejected
from tests.support.histories.costs import Cost, cost_of
from tests.support.scripted_gateway import accepted, answers

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNLOCKED = StationAnswer(Verdict.ACCEPTED, "Unlocked")


@activity.defn
async def naive_send(station: str) -> str:
    """Stands for the frame and its answer."""
    return f"{station}: Accepted"


@workflow.defn(sandboxed=False)
class NaiveCommand:
    """The shape to compare with: one activity, the caller polls, no effect is ever seen."""

    @workflow.run
    async def run(self, station: str) -> str:
        """One activity."""
        return await workflow.execute_activity(
            naive_send,
            station,
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )


async def effect_cost(bench: Bench, command: Command) -> Cost:
    await bench.submit(command, WaitFor.STATION_ANSWER)
    session = await bench.session_starts()
    if command.stop is not None:
        await bench.session_ends(session)
    return await cost_of(bench.handle(command))


async def test_start_with_effect_costs_at_most_21_events_and_10_transitions(
    real_bench: Bench,
) -> None:
    real_bench.gateway.plays = [answers(accepted())]
    cost = await effect_cost(real_bench, await real_bench.start_command())
    assert cost.events <= 21, cost.kinds
    assert cost.transitions <= 10, cost
    assert cost.kinds["MARKER_RECORDED"] == 2  # the route look-up and the fact read


async def test_stop_with_effect_costs_as_much_as_a_start(real_bench: Bench) -> None:
    session = await real_bench.session_starts()
    real_bench.gateway.plays = [answers(accepted())]
    command = await real_bench.stop_command(session.ocpp_id)
    await real_bench.submit(command, WaitFor.STATION_ANSWER)
    await real_bench.session_ends(session)
    cost = await cost_of(real_bench.handle(command))
    assert cost.events <= 21, cost
    assert cost.transitions <= 10, cost


async def test_a_single_phase_command_costs_at_most_15_events_and_7_transitions(
    real_bench: Bench,
) -> None:
    real_bench.gateway.plays = [answers(rejected())]
    command = await real_bench.start_command()
    await real_bench.submit(command, WaitFor.OUTCOME)
    cost = await cost_of(real_bench.handle(command))
    assert cost.events <= 15, cost
    assert cost.transitions <= 7, cost


async def test_an_unlock_costs_at_most_15_events_and_7_transitions(real_bench: Bench) -> None:
    real_bench.gateway.plays = [answers(UNLOCKED)]
    command = await real_bench.unlock_command()
    await real_bench.submit(command, WaitFor.OUTCOME)
    cost = await cost_of(real_bench.handle(command))
    assert cost.events <= 15, cost
    assert cost.transitions <= 7, cost


async def test_an_unlock_that_stops_first_costs_at_most_26_events_and_13_transitions(
    real_bench: Bench,
) -> None:
    session = await real_bench.session_starts()
    real_bench.gateway.plays = [answers(accepted()), answers(UNLOCKED)]
    command = await real_bench.unlock_command(stop_first=True)
    await real_bench.submit(command)
    await real_bench.until(command, lambda c: c.progress.startswith("Stopping"))
    await real_bench.session_ends(session)
    cost = await cost_of(real_bench.handle(command))
    assert cost.events <= 26, cost
    assert cost.transitions <= 14, cost


async def test_a_reset_to_its_boot_costs_at_most_26_events_and_14_transitions(
    real_bench: Bench,
) -> None:
    await real_bench.connector("Available")
    real_bench.gateway.plays = [answers(accepted())]
    command = await real_bench.reset_command()
    await real_bench.submit(command, WaitFor.STATION_ANSWER)
    await restarts(real_bench)
    cost = await cost_of(real_bench.handle(command))
    assert cost.events <= 26, cost
    assert cost.transitions <= 14, cost


async def restarts(bench: Bench) -> None:
    await bench.disconnect()
    await bench.connect(boot=None)
    await bench.boots()
    await bench.connector("Available")


async def test_the_naive_shape_costs_11_events_and_7_transitions(real_bench: Bench) -> None:
    queue = f"naive-{real_bench.station}"
    async with Worker(
        real_bench.client, task_queue=queue, workflows=[NaiveCommand], activities=[naive_send]
    ):
        handle = await real_bench.client.start_workflow(
            NaiveCommand.run, "CP1", id=queue, task_queue=queue
        )
        cost = await cost_of(handle)
    assert (cost.events, cost.transitions) == (11, 7), cost
