"""CancelCommand at any moment of a start: what happens is undone, and the command says so."""

import pytest

from domain.model.command import Code, Command, CompensationState, State, WaitFor
from domain.model.outcomes import Cause
from domain.model.specs import OfflinePolicy
from tests.support.benches.command_bench import Bench, rejected
from tests.support.scripted_gateway import (
    Held,
    Play,
    accepted,
    answers,
    has_code,
    is_ending,
    loses,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def begun(bench: Bench, *plays: Play, **changed: object) -> Command:
    bench.gateway.plays = list(plays)
    command = await bench.start_command(**changed)
    await bench.submit(command)
    return command


async def answered(bench: Bench, *plays: Play) -> Command:
    command = await begun(bench, *plays)
    await bench.submit(command, WaitFor.STATION_ANSWER)
    return command


async def stop_is_undone(bench: Bench, command: Command) -> Command:
    """The session starts, is told to stop and ends."""
    session = await bench.session_starts()
    await bench.until(command, lambda c: c.compensation.state is CompensationState.PENDING)
    await bench.session_ends(session)
    return await bench.until(command, lambda c: c.compensation.state is CompensationState.DONE)


async def test_cancel_while_the_station_is_offline_sends_nothing(bench: Bench) -> None:
    await bench.disconnect()
    command = await begun(bench, offline_policy=OfflinePolicy.WAIT)
    await bench.cancel(command)
    seen = await bench.seen(command)
    assert is_ending(seen.outcome, Code.CANCELLED, Cause.CANCELLED_BY_CALLER)
    assert (seen.state, seen.cancel_reason) == (State.DONE, "driver left")


async def test_cancel_while_the_frame_waits_in_line_keeps_it_from_being_sent(
    real_bench: Bench,  # the one that skips time stands still after a cancelled activity
) -> None:
    held = Held(intend_first=False, answer=accepted())
    command = await begun(real_bench, held)
    await held.reached.wait()
    await real_bench.cancel(command)
    assert has_code(await real_bench.seen(command), Code.CANCELLED)
    held.go_on.set()
    await real_bench.handle(command).result()
    assert real_bench.gateway.sent == []


async def test_cancel_while_the_frame_is_out_undoes_the_session(bench: Bench) -> None:
    held = Held(intend_first=True, answer=accepted())
    command = await begun(bench, held, answers(accepted()))
    await held.reached.wait()
    await bench.cancel(command)
    assert (await bench.seen(command)).state is State.SENT
    held.go_on.set()
    await bench.until(command, lambda c: c.state is State.COMPENSATING)
    undone = await stop_is_undone(bench, command)
    assert has_code(undone, Code.CANCELLED)


async def test_cancel_while_the_frame_is_out_keeps_the_stations_refusal(bench: Bench) -> None:
    held = Held(intend_first=True, answer=rejected())
    command = await begun(bench, held)
    await held.reached.wait()
    await bench.cancel(command)
    held.go_on.set()
    assert is_ending(await bench.outcome(command), Code.REJECTED, Cause.STATION_REJECTED)


async def test_cancel_after_the_answer_undoes_the_session(bench: Bench) -> None:
    command = await answered(bench, answers(accepted()), answers(accepted()))
    await bench.cancel(command)
    seen = await bench.seen(command)
    assert (seen.state, has_code(seen, Code.CANCELLED)) == (State.COMPENSATING, True)
    undone = await stop_is_undone(bench, command)
    assert undone.state is State.DONE


async def test_cancel_after_the_answer_and_nothing_starts(bench: Bench) -> None:
    command = await answered(bench, answers(accepted()))
    await bench.cancel(command)
    await bench.skip(76)
    done = await bench.until(command, lambda c: c.state is State.DONE)
    assert has_code(done, Code.CANCELLED)
    assert done.compensation.state is CompensationState.NONE


async def test_cancel_after_a_lost_answer_undoes_the_session(bench: Bench) -> None:
    command = await answered(bench, loses(), answers(accepted()))
    await bench.cancel(command)
    undone = await stop_is_undone(bench, command)
    assert has_code(undone, Code.CANCELLED)


async def test_cancel_after_success_changes_nothing(bench: Bench) -> None:
    command = await answered(bench, loses())
    await bench.skip(76)
    assert (await bench.outcome(command)).code is Code.UNKNOWN
    await bench.cancel(command)
    await bench.cancel(command)
    seen = await bench.seen(command)
    assert has_code(seen, Code.UNKNOWN)
    assert seen.cancel_reason == "driver left"


async def test_a_session_that_starts_after_a_cancelled_command_ended_is_stopped(
    bench: Bench,
) -> None:
    command = await answered(bench, answers(accepted()), answers(accepted()))
    await bench.cancel(command)
    await bench.skip(80)
    await bench.until(command, lambda c: c.state is State.DONE)
    undone = await stop_is_undone(bench, command)
    assert has_code(undone, Code.CANCELLED)


async def test_a_workflow_cancelled_in_temporal_is_a_command_taken_back(bench: Bench) -> None:
    command = await answered(bench, answers(accepted()))
    await bench.handle(command).cancel()
    await stop_is_undone(bench, command)
    seen = await bench.seen(command)
    assert is_ending(seen.outcome, Code.CANCELLED, Cause.CANCELLED_BY_CALLER)
    assert seen.cancel_reason == "cancelled in Temporal"
