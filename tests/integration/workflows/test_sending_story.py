"""Sending, not sending, and not knowing: gateways that die, stations that are away, deadlines."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import delete
from temporalio.client import WorkflowFailureError

from contract.commands import WakeInput
from contract.names import WAKE_SIGNAL
from domain.model.command import Code, Command, State, WaitFor
from domain.model.outcomes import Cause
from domain.model.specs import OfflinePolicy
from fleet.tables import commands
from tests.support.benches.command_bench import Bench
from tests.support.scripted_gateway import Held, Play, accepted, answers, dies, is_ending, not_sent

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def begun(bench: Bench, *plays: Play, **changed: object) -> Command:
    bench.gateway.plays = list(plays)
    command = await bench.start_command(**changed)
    await bench.submit(command)
    return command


async def test_a_station_that_is_offline_fails_fast(bench: Bench) -> None:
    await bench.disconnect()
    command = await begun(bench)
    assert is_ending(await bench.outcome(command), Code.NOT_SENT, Cause.STATION_OFFLINE)


async def test_a_command_is_sent_when_its_station_has_changed_its_gateway(bench: Bench) -> None:
    await bench.disconnect(moves=True)
    command = await begun(bench, answers(accepted()))
    waiting = await bench.until(command, lambda c: c.progress != "")
    assert waiting.state is State.QUEUED
    await bench.connect()
    await bench.until(command, lambda c: c.state is State.AWAITING_EFFECT)
    await bench.session_starts()
    assert (await bench.outcome(command)).code is Code.SUCCEEDED


async def test_a_station_that_reaches_no_other_gateway_is_offline(bench: Bench) -> None:
    await bench.disconnect(moves=True)
    command = await begun(bench)
    await bench.skip(31)
    assert is_ending(await bench.outcome(command), Code.NOT_SENT, Cause.STATION_OFFLINE)
    assert bench.gateway.frames == []


async def test_a_waiting_command_is_sent_when_the_station_connects(bench: Bench) -> None:
    await bench.disconnect()
    command = await begun(bench, answers(accepted()), offline_policy=OfflinePolicy.WAIT)
    waiting = await bench.until(command, lambda c: c.progress != "")
    assert waiting.state is State.QUEUED
    await bench.connect()
    await bench.until(command, lambda c: c.state is State.AWAITING_EFFECT)
    await bench.session_starts()
    assert (await bench.outcome(command)).code is Code.SUCCEEDED


async def test_not_after_passes_while_the_command_waits(bench: Bench) -> None:
    await bench.disconnect()
    command = await begun(bench, offline_policy=OfflinePolicy.WAIT)
    await bench.skip(61)
    assert is_ending(await bench.outcome(command), Code.NOT_SENT, Cause.NOT_AFTER_PASSED)
    assert bench.gateway.frames == []


async def test_a_station_that_never_finishes_its_boot_gets_nothing(bench: Bench) -> None:
    await bench.connect(boot="PENDING")
    command = await begun(bench)
    await bench.skip(61)
    assert is_ending(await bench.outcome(command), Code.NOT_SENT, Cause.BOOT_NOT_ACCEPTED)


async def test_a_gateway_that_dies_before_its_intent_did_not_send(bench: Bench) -> None:
    command = await begun(bench, dies(after_intent=False), answers(accepted()))
    await bench.skip(1)
    await bench.until(command, lambda c: c.state is State.AWAITING_EFFECT)
    await bench.session_starts()
    assert (await bench.outcome(command)).code is Code.SUCCEEDED
    assert [frame.attempt for frame in bench.gateway.frames] == [1, 2]


async def test_a_gateway_that_dies_after_its_intent_perhaps_sent(bench: Bench) -> None:
    command = await begun(bench, dies(after_intent=True))
    shown = await bench.until(command, lambda c: c.state is State.AWAITING_EFFECT)
    assert is_ending(shown.outcome, Code.UNKNOWN, Cause.GATEWAY_LOST_AFTER_SEND)
    await bench.skip(76)
    assert is_ending(await bench.outcome(command), Code.UNKNOWN, Cause.GATEWAY_LOST_AFTER_SEND)
    assert len(bench.gateway.frames) == 1


async def test_a_fact_that_nobody_signalled_is_found_by_looking(bench: Bench) -> None:
    command = await begun(bench, dies(after_intent=True))
    await bench.until(command, lambda c: c.state is State.AWAITING_EFFECT)
    await bench.session_starts(silently=True)
    await bench.skip(6)
    assert (await bench.outcome(command)).code is Code.SUCCEEDED


async def test_a_gateway_that_is_gone_is_looked_up_again_until_not_after(bench: Bench) -> None:
    other = "gateway-that-is-gone"
    bench.gateway_id, mine = other, bench.gateway_id
    await bench.connect()
    command = await bench.start_command()
    await bench.submit(command)
    await bench.skip(5)
    bench.gateway_id, bench.gateway.plays = mine, [answers(accepted())]
    await bench.connect()
    await bench.skip(10)
    await bench.until(command, lambda c: c.state is State.AWAITING_EFFECT)
    assert len(bench.gateway.frames) == 1


@pytest.mark.parametrize("cause", [Cause.STATION_QUEUE_FULL, Cause.FRAME_REFUSED])
async def test_a_refusal_by_the_gateway_is_final(bench: Bench, cause: Cause) -> None:
    command = await begun(bench, not_sent(cause.value))
    assert is_ending(await bench.outcome(command), Code.NOT_SENT, cause)


async def test_a_refusal_that_may_pass_is_tried_again_until_not_after(bench: Bench) -> None:
    plays = [not_sent(Cause.STATION_OFFLINE.value, retry=True)] * 50
    command = await begun(bench, *plays, offline_policy=OfflinePolicy.WAIT)
    await bench.skip(90)
    outcome = await bench.outcome(command)
    assert outcome.code is Code.NOT_SENT
    assert 2 < len(bench.gateway.frames) < 20


async def test_a_frame_in_line_is_not_sent_after_its_deadline(bench: Bench) -> None:
    command = await begun(bench, not_sent(Cause.NOT_AFTER_PASSED.value))
    assert is_ending(await bench.outcome(command), Code.NOT_SENT, Cause.NOT_AFTER_PASSED)


async def test_an_answer_that_the_gateway_could_not_write_down_is_recorded(
    bench: Bench,
) -> None:
    bench.gateway.forgets = True
    command = await begun(bench, answers(accepted()))
    recorded = await bench.until(command, lambda c: c.station_answer is not None)
    assert recorded.state is State.AWAITING_EFFECT
    await bench.session_starts()
    assert (await bench.outcome(command)).code is Code.SUCCEEDED


async def test_submitted_means_durable_and_nothing_is_waited_for(bench: Bench) -> None:
    held = Held(intend_first=False, answer=accepted())
    command = await begun(bench, held)
    assert (await bench.seen(command)).state is State.QUEUED
    held.go_on.set()
    await bench.until(command, lambda c: c.state is State.AWAITING_EFFECT)


async def test_a_wait_for_the_outcome_ends_with_the_outcome(bench: Bench) -> None:
    bench.gateway.plays = [not_sent(Cause.FRAME_REFUSED.value)]
    command = await bench.start_command(not_after=await bench.now() + timedelta(seconds=30))
    await bench.submit(command, WaitFor.OUTCOME)
    assert (await bench.seen(command)).state is State.DONE


async def test_a_command_that_its_database_forgot_fails_its_workflow_and_says_so(
    real_bench: Bench,
) -> None:
    command = await begun(real_bench, answers(accepted()))
    await real_bench.until(command, lambda c: c.state is State.AWAITING_EFFECT)
    async with real_bench.db.write() as tx:
        await tx.execute(delete(commands).where(commands.c.name == command.name), {})
    await real_bench.handle(command).signal(WAKE_SIGNAL, WakeInput("test"))
    with pytest.raises(WorkflowFailureError) as failed:
        async with asyncio.timeout(10):
            await real_bench.handle(command).result()
    assert "is not in this database" in str(failed.value.cause)
