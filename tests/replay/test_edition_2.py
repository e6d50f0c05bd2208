"""The histories of edition 2 hold the order of its steps: code that changes it fails on them."""

import json
from pathlib import Path

import pytest
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from contract.commands import PrepareCommandResult
from contract.converter import DATA_CONVERTER
from contract.names import command_workflow
from domain.model.specs import Kind
from tests.support.histories.golden import FOLDER, golden, read
from workflows import command_run
from workflows.command_workflow import RemoteCommandWorkflow
from workflows.worker import WORKFLOWS

LINE = [path for path in golden() if path.stem.startswith("line_")]


async def replays(story: str) -> bool:
    """Whether this history still replays."""
    replayer = Replayer(
        workflows=list(WORKFLOWS),
        workflow_runner=UnsandboxedWorkflowRunner(),
        data_converter=DATA_CONVERTER,
    )
    history = read(FOLDER / f"{story}.json")
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    return result.replay_failure is None


def begun_as(path: Path) -> str:
    """The workflow type that the history was begun under."""
    begin = json.loads(path.read_text())["events"][0]
    return str(begin["workflowExecutionStartedEventAttributes"]["workflowType"]["name"])


def test_there_is_a_history_of_every_kind() -> None:
    kinds = {begun_as(path) for path in LINE}
    assert kinds >= {command_workflow(kind) for kind in Kind}


async def test_a_frame_that_is_sent_again_over_the_queue_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the direct line answered is asked for on the task queue all the same."""
    monkeypatch.setattr(PrepareCommandResult, "sent", property(lambda _: None, lambda *_: None))
    assert not await replays("line_unlock_is_answered_at_once-0")
    assert not await replays("line_start_has_its_effect-0")


async def test_a_silent_attempt_that_is_offered_again_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The attempt is looked for a route again, and is not asked for on the task queue."""
    real = RemoteCommandWorkflow._send_through

    async def again(self: RemoteCommandWorkflow, route: PrepareCommandResult) -> None:
        await real(self, await self._find_route() if route.sent is None else route)

    monkeypatch.setattr(RemoteCommandWorkflow, "_send_through", again)
    assert not await replays("line_silent_station_is_waited_for_on_the_task_queue-0")
    assert not await replays("line_that_cannot_be_reached_leaves_the_task_queue-0")
    assert await replays("line_unlock_is_answered_at_once-0")


async def test_filters_that_are_written_as_before_are_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The outcome of every command is written, as older editions did."""
    monkeypatch.setattr(command_run, "SENDS_DIRECTLY", 3)
    for story in ("unlock_is_answered_at_once", "guard_ends_where_nothing_comes"):
        assert not await replays(f"line_{story}-0")
