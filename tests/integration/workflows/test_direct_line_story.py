"""Commands over the direct line, as a broker starts them: each story leaves a golden history."""

import asyncio

import pytest
from temporalio.api.enums.v1 import EventType

from contract import names
from domain.commands.timing import Timing
from domain.model.answers import StationAnswer, Verdict
from domain.model.command import Code, Command, CompensationState, State, WaitFor
from domain.model.outcomes import Cause
from domain.reservations.reservation import ReservationState
from journal.explain.reading import read_explanation
from tests.support.benches.command_bench import Bench
from tests.support.benches.hold_bench import cancel_command, reserve_command, until
from tests.support.scripted_gateway import (
    Held,
    Play,
    accepted,
    answers,
    has_code,
    is_ending,
    loses,
    rejected,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNLOCKED = StationAnswer(Verdict.ACCEPTED, "Unlocked")
SOON = Timing(
    answer_timeout_s=30, connection_timeout_s=1, effect_margin_s=1, stop_effect_s=60, guard_s=6
)
"""A command that nothing follows is given up after two seconds, and guarded for six."""


@pytest.fixture
def line(direct_bench: Bench) -> Bench:
    """A station whose gateway has a direct line, and a broker that starts workflows eagerly."""
    direct_bench.eager = True
    return direct_bench


async def begun(bench: Bench, *plays: Play, wait_for: WaitFor = WaitFor.SUBMITTED) -> Command:
    bench.gateway.plays = list(plays)
    command = await bench.start_command()
    await bench.submit(command, wait_for)
    return command


async def asked_on_the_queue(bench: Bench, command: Command) -> int:
    """How often the command's frames were asked for on the gateway's task queue."""
    history = await bench.handle(command).fetch_history()
    kinds = [event.event_type for event in history.events]
    return kinds.count(EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)


async def ways(bench: Bench, command: Command) -> list[str]:
    """What the steps of its explanation say of the line, in order."""
    async with bench.db.read() as tx:
        steps = await read_explanation(tx, command.tenant, command.name)
    return [step.facts["line"] for step in steps or () if "line" in step.facts]


async def closed(bench: Bench, command: Command) -> None:
    """The command's workflow ends by itself, so that its history is whole."""
    async with asyncio.timeout(30):
        await bench.handle(command).result()


async def undone(bench: Bench, command: Command) -> None:
    """The session that nobody wants begins, is told to stop, and ends."""
    session = await bench.session_starts()
    await bench.until(command, lambda c: c.compensation.state is CompensationState.PENDING)
    await bench.session_ends(session)
    await bench.until(command, lambda c: c.compensation.state is CompensationState.DONE)
    await closed(bench, command)


async def test_line_unlock_is_answered_at_once(line: Bench) -> None:
    line.gateway.plays = [answers(UNLOCKED)]
    command = await line.unlock_command()
    await line.submit(command, WaitFor.OUTCOME)
    await closed(line, command)
    assert has_code(await line.seen(command), Code.SUCCEEDED)
    assert await asked_on_the_queue(line, command) == 0
    assert await ways(line, command) == ["USED"]


async def test_line_start_is_refused(line: Bench) -> None:
    command = await begun(line, answers(rejected()), wait_for=WaitFor.OUTCOME)
    await closed(line, command)
    assert is_ending(await line.outcome(command), Code.REJECTED, Cause.STATION_REJECTED)
    assert await asked_on_the_queue(line, command) == 0


async def test_line_start_has_its_effect(line: Bench) -> None:
    command = await begun(line, answers(accepted()), wait_for=WaitFor.STATION_ANSWER)
    await line.session_starts()
    assert (await line.outcome(command)).code is Code.SUCCEEDED
    await closed(line, command)
    assert await asked_on_the_queue(line, command) == 0


async def test_line_stop_has_its_effect(line: Bench) -> None:
    session = await line.session_starts()
    line.gateway.plays = [answers(accepted())]
    command = await line.stop_command(session.ocpp_transaction_id)
    await line.submit(command, WaitFor.STATION_ANSWER)
    await line.session_ends(session)
    assert (await line.outcome(command)).code is Code.SUCCEEDED
    await closed(line, command)


async def test_line_reset_is_followed_by_its_boot(line: Bench) -> None:
    await line.connector("Available")
    line.gateway.plays = [answers(accepted())]
    command = await line.reset_command()
    await line.submit(command, WaitFor.STATION_ANSWER)
    await line.disconnect()
    await line.connect(boot=None)
    await line.boots()
    await line.connector("Available")
    assert (await line.outcome(command)).code is Code.SUCCEEDED
    await closed(line, command)


async def test_line_unlock_stops_its_session_first(line: Bench) -> None:
    session = await line.session_starts()
    line.gateway.plays = [answers(accepted()), answers(UNLOCKED)]
    command = await line.unlock_command(stop_first=True)
    await line.submit(command)
    await line.until(command, lambda c: c.progress.startswith("Stopping"))
    await line.session_ends(session)
    assert (await line.outcome(command)).code is Code.SUCCEEDED
    await closed(line, command)
    assert await asked_on_the_queue(line, command) == 1  # the first step alone


async def test_line_reservation_is_made_and_cancelled(line: Bench) -> None:
    line.gateway.plays = [answers(accepted()), answers(accepted())]
    reserve = await reserve_command(line)
    await line.submit(reserve, WaitFor.OUTCOME)
    await until(line, reserve, lambda r: r.state is ReservationState.HELD)
    cancel = await cancel_command(line, reserve)
    await line.submit(cancel, WaitFor.OUTCOME)
    assert (await line.outcome(cancel)).code is Code.SUCCEEDED
    for command in (reserve, cancel):
        await closed(line, command)
        assert await asked_on_the_queue(line, command) == 0


async def test_line_silent_station_is_waited_for_on_the_task_queue(line: Bench) -> None:
    held = Held(intend_first=True, answer=accepted())
    command = await begun(line, held)
    await _until_it_is_asked_for(line, command)
    held.go_on.set()
    await line.until(command, lambda c: c.state is State.AWAITING_EFFECT)
    await line.session_starts()
    assert (await line.outcome(command)).code is Code.SUCCEEDED
    await closed(line, command)
    assert len(line.gateway.frames) == 1  # both ways asked for the same run
    assert await ways(line, command) == ["USED", "PENDING"]


async def test_line_silent_station_is_decided_by_its_session(line: Bench) -> None:
    await line.connect("2.0.1")
    held = Held(intend_first=True, answer=accepted())
    command = await begun(line, held)
    await _until_it_is_asked_for(line, command)
    await line.session_event("Started", "another", remote_start_id=line.gateway.sent[0].id)
    await line.until(command, lambda c: c.state is State.DONE)
    held.go_on.set()
    await closed(line, command)
    assert len(line.gateway.frames) == 1


async def test_line_that_cannot_be_reached_leaves_the_task_queue(line: Bench) -> None:
    line.line = "127.0.0.1:9"  # nobody listens there
    await line.connect()
    command = await begun(line, answers(rejected()), wait_for=WaitFor.OUTCOME)
    await closed(line, command)
    assert has_code(await line.seen(command), Code.REJECTED)
    assert await asked_on_the_queue(line, command) == 1
    assert await ways(line, command) == ["UNREACHABLE", "UNREACHABLE"]
    shown = await line.handle(command).query(names.STORY_QUERY)
    assert "Way of its frame: over the task queue, as the direct line could not be" in shown


async def test_line_start_is_cancelled_while_its_frame_is_out(line: Bench) -> None:
    line.timing = SOON
    held = Held(intend_first=True, answer=accepted())
    command = await begun(line, held, answers(accepted()))
    await _until_it_is_asked_for(line, command)
    await line.cancel(command)
    held.go_on.set()
    await line.until(command, lambda c: c.state is State.COMPENSATING)
    await undone(line, command)
    assert has_code(await line.seen(command), Code.CANCELLED)


async def test_line_start_that_was_given_up_is_undone_on_guard(line: Bench) -> None:
    line.timing = SOON
    command = await begun(line, loses(), answers(accepted()))
    assert (await line.outcome(command)).code is Code.UNKNOWN
    await undone(line, command)


async def test_line_guard_ends_where_nothing_comes(line: Bench) -> None:
    line.timing = SOON
    command = await begun(line, loses())
    await closed(line, command)
    assert (await line.outcome(command)).code is Code.UNKNOWN


async def _until_it_is_asked_for(bench: Bench, command: Command) -> None:
    """The direct line gave no result in time: the attempt is asked for on the task queue."""
    async with asyncio.timeout(15):
        while not await asked_on_the_queue(bench, command):
            await asyncio.sleep(0.05)
