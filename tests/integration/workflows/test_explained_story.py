"""What the story of a command tells about tries, silence and repeated messages."""

import pytest

from domain.model.command import Code, Command, State
from fleet.log import notes
from journal.explain.reading import read_explanation
from journal.explain.step import ExplainStep, StepKind
from tests.support.benches.command_bench import TENANT, Bench
from tests.support.scripted_gateway import accepted, answers, dies, has_code, not_sent

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def story_of(bench: Bench, command: Command) -> tuple[ExplainStep, ...]:
    async with bench.db.read() as tx:
        steps = await read_explanation(tx, TENANT, command.name)
    assert steps is not None
    return steps


def summaries(steps: tuple[ExplainStep, ...], kind: StepKind) -> list[str]:
    return [step.summary for step in steps if step.kind is kind]


async def test_an_attempt_that_sent_nothing_is_told_with_its_cause_and_the_next_one(
    bench: Bench,
) -> None:
    bench.gateway.plays = [not_sent("STATION_OFFLINE", retry=True), answers(accepted())]
    command = await bench.start_command()
    await bench.submit(command)
    await bench.skip(1)
    await bench.until(command, lambda c: c.state is State.AWAITING_EFFECT)
    steps = await story_of(bench, command)
    assert summaries(steps, StepKind.RETRY) == [
        "Attempt 1, over the task queue, as the gateway has no direct line (NO_LINE), sent nothing "
        "(STATION_OFFLINE): the way is looked up again."
    ]
    sent = [step.facts["attempt"] for step in steps if step.kind is StepKind.FRAME_SENT]
    assert sent == ["2"]


async def test_a_gateway_that_falls_silent_is_told_with_what_is_held_of_its_frame(
    bench: Bench,
) -> None:
    bench.gateway.plays = [dies(after_intent=True)]
    command = await bench.start_command()
    await bench.submit(command)
    await bench.until(command, lambda c: has_code(c, Code.UNKNOWN))
    (told,) = summaries(await story_of(bench, command), StepKind.RETRY)
    assert told.startswith("The gateway of attempt 1 fell silent: its intent is written down")


async def test_a_repeated_message_of_the_station_is_one_step(bench: Bench) -> None:
    bench.gateway.plays = [answers(accepted())]
    command = await bench.start_command()
    await bench.submit(command)
    await bench.until(command, lambda c: c.state is State.AWAITING_EFFECT)
    for _ in range(3):
        await bench.session_event("Started", "tx-1", charging_state="Charging")
    await bench.until(command, lambda c: c.state is State.DONE)
    async with bench.db.read() as tx:
        noted = await notes.by_command(tx, TENANT, command.name)
    evidence = [note for note in noted if note.what == "EVIDENCE"]
    assert len(evidence) == 1
    assert evidence[0].facts["transaction_id"] == "tx-1"
