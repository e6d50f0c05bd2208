"""The sandbox of workflows, for tests that start a worker or a replayer each."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner


@contextmanager
def prepared_once() -> Iterator[None]:
    """While the block runs, the first worker tries each workflow in the sandbox, and no other does.

    A worker that starts tries all of them, for 70 ms of CPU. Each run still has its own sandbox.
    """
    prepare = SandboxedWorkflowRunner.prepare_workflow
    prepared = set[type]()

    def once(runner: SandboxedWorkflowRunner, workflow: Any) -> None:
        if workflow.cls not in prepared:
            prepare(runner, workflow)
            prepared.add(workflow.cls)

    with mock.patch.object(SandboxedWorkflowRunner, "prepare_workflow", once):
        yield
