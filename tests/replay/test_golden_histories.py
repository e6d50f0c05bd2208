"""Every recorded history replays with the workflow code as it is now, in production's sandbox."""

from pathlib import Path

import pytest
from temporalio.worker import Replayer

from contract.converter import DATA_CONVERTER
from tests.support.histories.golden import golden, read
from workflows.worker import WORKFLOWS, workflow_runner


@pytest.mark.parametrize("path", golden(), ids=lambda path: path.stem)
async def test_recorded_history_replays(path: Path) -> None:
    replayer = Replayer(
        workflows=list(WORKFLOWS),
        workflow_runner=workflow_runner(),
        data_converter=DATA_CONVERTER,
    )
    await replayer.replay_workflow(read(path))


def test_there_are_histories_to_replay() -> None:
    assert len(golden()) >= 20
