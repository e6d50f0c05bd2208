"""Every recorded history replays with the workflow code as it is, in the sandbox and without."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, WorkflowRunner

from contract.converter import DATA_CONVERTER
from tests.support.benches.sandbox import prepared_once
from tests.support.histories.golden import golden, read
from workflows.worker import WORKFLOWS, sandbox

_RUNNERS = {"sandbox": sandbox(), "production": UnsandboxedWorkflowRunner()}


@pytest.fixture(scope="module", autouse=True)
def each_workflow_prepared_once() -> Iterator[None]:
    """Every test has a replayer of its own."""
    with prepared_once():
        yield


@pytest.mark.parametrize("runner", _RUNNERS.values(), ids=_RUNNERS)
@pytest.mark.parametrize("path", golden(), ids=lambda path: path.stem)
async def test_recorded_history_replays(path: Path, runner: WorkflowRunner) -> None:
    replayer = Replayer(
        workflows=list(WORKFLOWS),
        workflow_runner=runner,
        data_converter=DATA_CONVERTER,
    )
    await replayer.replay_workflow(read(path))


def test_there_are_histories_to_replay() -> None:
    assert len(golden()) >= 20
