"""A command that is woken without end goes on in new runs, and nobody notices."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

import pytest
from grpc import StatusCode
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowExecutionDescription, WorkflowUpdateFailedError
from temporalio.service import RPCError

from broker.errors import Refusal
from broker.settings import BrokerSettings
from broker.temporal import Temporal
from contract import names
from contract.commands import WakeInput
from domain.model.command import Code, Command, CompensationState, State, WaitFor
from domain.model.outcomes import Cause
from domain.model.specs import OfflinePolicy
from tests.support.benches.command_bench import Bench
from tests.support.scripted_gateway import Held, accepted, answers, has_code, is_ending
from workflows import command_run

T = TypeVar("T")

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(autouse=True)
def short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run is long after a few looks."""
    monkeypatch.setattr(command_run, "HISTORY_LIMIT", 40)


async def run_of(bench: Bench, command: Command) -> str:
    description = await bench.handle(command).describe()
    assert description.run_id is not None
    return description.run_id


async def woken(bench: Bench, command: Command) -> None:
    await bench.handle(command).signal(names.WAKE_SIGNAL, WakeInput("flood"))


async def in_a_new_run(bench: Bench, command: Command) -> None:
    """The command is woken until another run has it."""
    first = await run_of(bench, command)
    async with asyncio.timeout(20):
        while await run_of(bench, command) == first:
            await woken(bench, command)


def shown(description: WorkflowExecutionDescription) -> dict[str, object]:
    """What operators filter by."""
    ours = (pair for pair in description.typed_search_attributes if pair.key.name.startswith("Ev"))
    return {pair.key.name: pair.value for pair in ours}


def broker(bench: Bench) -> Temporal:
    """All that a broker says to Temporal."""
    return Temporal(bench.client, BrokerSettings(timing=bench.timing))


async def repeated(ask: Callable[[], Awaitable[T]]) -> T:
    """Temporal may be too busy to answer in time: the same request again, as clients do."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await ask()
            except Refusal as refusal:
                if refusal.code is not StatusCode.UNAVAILABLE:
                    raise
            await asyncio.sleep(0.1)


async def on_guard(bench: Bench) -> Command:
    """A start that was given up because its session did not come."""
    bench.timing = replace(bench.timing, connection_timeout_s=0.2, effect_margin_s=0.2)
    bench.gateway.plays = [answers(accepted()), answers(accepted())]
    command = await bench.start_command()
    await bench.submit(command)
    outcome = await bench.outcome(command)
    assert is_ending(outcome, Code.NO_EFFECT, Cause.NO_CABLE_OR_NO_TRANSACTION)
    return command


async def test_a_guarded_command_goes_on_in_a_new_run(real_bench: Bench) -> None:
    command = await on_guard(real_bench)
    before = await real_bench.handle(command).describe()
    await in_a_new_run(real_bench, command)
    after = await real_bench.handle(command).describe()
    told = {names.OUTCOME_ATTRIBUTE: "NO_EFFECT", names.STATE_ATTRIBUTE: "ON_GUARD"}
    assert shown(after) == shown(before) | told
    details = await real_bench.handle(command).query(
        "__temporal_workflow_metadata", result_type=WorkflowMetadata
    )
    assert (await before.static_summary() or "missing") in details.current_details
    session = await real_bench.session_starts()  # nobody wants it any longer
    await real_bench.until(command, lambda c: c.compensation.state is CompensationState.PENDING)
    await real_bench.session_ends(session)
    done = await real_bench.until(command, lambda c: c.compensation.state is CompensationState.DONE)
    assert done.state is State.DONE
    assert [frame.attempt for frame in real_bench.gateway.frames] == [1, 2]


async def test_a_start_whose_effect_is_awaited_goes_on_in_a_new_run(real_bench: Bench) -> None:
    real_bench.gateway.plays = [answers(accepted())]
    command = await real_bench.start_command()
    await real_bench.submit(command, WaitFor.STATION_ANSWER)
    await in_a_new_run(real_bench, command)
    await in_a_new_run(real_bench, command)
    await real_bench.session_starts()
    outcome = await real_bench.outcome(command)
    assert is_ending(outcome, Code.SUCCEEDED, Cause.SESSION_STARTED)
    assert len(real_bench.gateway.frames) == 1
    result = await real_bench.handle(command).result()
    assert result.outcome == outcome


async def test_a_command_that_waits_for_its_station_is_sent_once_by_a_later_run(
    real_bench: Bench,
) -> None:
    await real_bench.disconnect()
    real_bench.gateway.plays = [answers(accepted())]
    command = await real_bench.start_command(offline_policy=OfflinePolicy.WAIT)
    await real_bench.submit(command)
    await in_a_new_run(real_bench, command)
    await real_bench.connect()
    await real_bench.until(command, lambda c: c.state is State.AWAITING_EFFECT)
    await real_bench.session_starts()
    assert has_code(
        await real_bench.until(command, lambda c: c.outcome is not None), Code.SUCCEEDED
    )
    assert len(real_bench.gateway.frames) == 1


async def test_a_caller_that_waits_for_the_outcome_is_told_to_follow_the_log(
    real_bench: Bench,
) -> None:
    real_bench.gateway.plays = [answers(accepted())]
    command = await real_bench.start_command()
    await real_bench.submit(command, WaitFor.STATION_ANSWER)
    waiting = asyncio.create_task(real_bench.submit(command, WaitFor.OUTCOME))
    await in_a_new_run(real_bench, command)
    with pytest.raises((WorkflowUpdateFailedError, RPCError)):  # a broker of an older version
        await waiting
    await broker(real_bench).submit(command, 60)  # it is durable, and the log tells the rest
    await real_bench.session_starts()
    await real_bench.until(command, lambda c: has_code(c, Code.SUCCEEDED))


async def test_a_cancel_at_any_moment_of_a_flood_is_noted(real_bench: Bench) -> None:
    real_bench.gateway.plays = [answers(accepted())] * 20
    for wakes in range(0, 20, 4):
        command = await real_bench.start_command()
        await real_bench.submit(command, WaitFor.STATION_ANSWER)
        flood = asyncio.create_task(flooded(real_bench, command))
        for _ in range(wakes):
            await woken(real_bench, command)
        await repeated(partial(broker(real_bench).cancel, command, "driver left", 30.0))
        assert (await real_bench.seen(command)).cancel_reason == "driver left"
        flood.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await flood


async def flooded(bench: Bench, command: Command) -> None:
    while True:
        await woken(bench, command)


async def test_a_run_does_not_leave_while_its_frame_is_out(real_bench: Bench) -> None:
    held = Held(intend_first=True, answer=accepted())
    real_bench.gateway.plays = [held]
    command = await real_bench.start_command()
    await real_bench.submit(command)
    await held.reached.wait()
    first = await run_of(real_bench, command)
    for _ in range(30):
        await woken(real_bench, command)
    assert await run_of(real_bench, command) == first
    held.go_on.set()
    await real_bench.until(command, lambda c: c.state is State.AWAITING_EFFECT)
    await real_bench.session_starts()
    assert has_code(
        await real_bench.until(command, lambda c: c.outcome is not None), Code.SUCCEEDED
    )
    assert len(real_bench.gateway.frames) == 1
