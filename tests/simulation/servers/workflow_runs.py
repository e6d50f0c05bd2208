"""One run of a workflow inside the SDK's own workflow event loop, fed by hand with activations.

This is what the SDK's core does in a worker: it builds activations out of history, hands them to
the SDK's workflow instance, and takes its commands. So the workflow class, its update and signal
handlers, wait conditions, timers, payload conversion and replays are the real ones.
"""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from temporalio import workflow
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.bridge.proto.workflow_activation import (
    InitializeWorkflow,
    NotifyHasPatch,
    RemoveFromCache,
    WorkflowActivation,
    WorkflowActivationJob,
)
from temporalio.bridge.proto.workflow_commands import WorkflowCommand
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.common import Priority, TypedSearchAttributes
from temporalio.converter import DataConverter
from temporalio.worker import UnsandboxedWorkflowRunner
from temporalio.worker._workflow_instance import WorkflowInstance, WorkflowInstanceDetails

from contract.names import COMMAND_WORKFLOW, COMMANDS_QUEUE
from workflows.worker import WORKFLOWS

CONVERTER = DataConverter.default.payload_converter

_DEFINITIONS = {
    str(definition.name): definition
    for definition in map(workflow._Definition.must_from_class, WORKFLOWS)
}
_RUNNER = UnsandboxedWorkflowRunner()
_TASK_TIMEOUT = timedelta(seconds=10)


class TaskFailed(AssertionError):
    """The workflow's own code failed, or a replay of it took another way."""


def to_payload(value: object) -> Payload:
    """As a client or an activity sends it."""
    return CONVERTER.to_payloads([value])[0]


def first_job(
    workflow_id: str, order: object, now: datetime, name: str = COMMAND_WORKFLOW
) -> WorkflowActivationJob:
    """What starts a run."""
    start = InitializeWorkflow(
        workflow_type=name,
        workflow_id=workflow_id,
        arguments=[to_payload(order)],
        randomness_seed=1,
        attempt=1,
    )
    start.start_time.FromDatetime(now)
    return WorkflowActivationJob(initialize_workflow=start)


class WorkflowRun:
    """One instance in a worker's cache."""

    def __init__(self, workflow_id: str, now: datetime, name: str = COMMAND_WORKFLOW) -> None:
        self._id = workflow_id
        self._instance: WorkflowInstance = _RUNNER.create_instance(_details(workflow_id, now, name))
        self.spoke: list[tuple[str, ...]] = []
        """The commands of each activation, as far as a replay must repeat them."""
        self.patches: list[tuple[str, ...]] = []
        """The patches that each activation came to."""

    def activate(
        self, jobs: Iterable[WorkflowActivationJob], now: datetime, *, replaying: bool = False
    ) -> list[WorkflowCommand]:
        """Let the workflow run until it waits again. Returns what it wants done.

        Raises: TaskFailed.
        """
        act = WorkflowActivation(run_id=self._id, is_replaying=replaying, jobs=list(jobs))
        act.timestamp.FromDatetime(now)
        completion = self._activated(act)
        if completion.HasField("failed"):
            raise TaskFailed(str(completion.failed.failure)[:2000])
        commands = list(completion.successful.commands)
        self.spoke.append(tuple(_signature(command) for command in commands))
        marks = [c.set_patch_marker for c in commands if c.HasField("set_patch_marker")]
        self.patches.append(tuple(mark.patch_id for mark in marks))
        return commands

    def evict(self, now: datetime) -> None:
        """Take it out of the cache: its tasks end and have no effect any more."""
        removal = WorkflowActivationJob(remove_from_cache=RemoveFromCache(message="evicted"))
        act = WorkflowActivation(run_id=self._id, jobs=[removal])
        act.timestamp.FromDatetime(now)
        self._activated(act)

    def _activated(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        outside = asyncio.get_running_loop()
        try:
            return self._instance.activate(act)
        finally:
            asyncio._set_running_loop(outside)


def replayed(
    workflow_id: str, history: list["Step"], name: str = COMMAND_WORKFLOW
) -> tuple[WorkflowRun, list[WorkflowCommand]]:
    """A run rebuilt from history, as after the death of its worker, and all it has asked for.

    Raises: TaskFailed when it takes another way than before.
    """
    run = WorkflowRun(workflow_id, history[0].now, name)
    asked: list[WorkflowCommand] = []
    for step in history:
        known = [_has_patch(patch) for patch in step.patches]
        asked += run.activate([*known, *step.jobs], step.now, replaying=True)
    told = [step.spoke for step in history]
    if run.spoke != told:
        at = next(
            i for i, pair in enumerate(zip(run.spoke, told, strict=True)) if pair[0] != pair[1]
        )
        raise TaskFailed(f"replay differs at {at}: {run.spoke[at]} instead of {told[at]}")
    return run, asked


class Step:
    """One activation of the past: when, what was told, what the workflow said to it.

    patches: those that it came to. A worker finds their markers in the history, and tells a replay.
    """

    def __init__(
        self,
        now: datetime,
        jobs: list[WorkflowActivationJob],
        *,
        spoke: tuple[str, ...],
        patches: tuple[str, ...],
    ) -> None:
        self.now = now
        self.jobs = jobs
        self.spoke = spoke
        self.patches = patches


def _has_patch(patch: str) -> WorkflowActivationJob:
    return WorkflowActivationJob(notify_has_patch=NotifyHasPatch(patch_id=patch))


def _signature(command: WorkflowCommand) -> str:
    variant = str(command.WhichOneof("variant"))
    inner = getattr(command, variant)
    return f"{variant}:{getattr(inner, 'seq', '')}:{getattr(inner, 'activity_type', '')}"


def _details(workflow_id: str, now: datetime, name: str) -> WorkflowInstanceDetails:
    return WorkflowInstanceDetails(
        payload_converter_factory=lambda: CONVERTER,
        failure_converter_class=DataConverter.default.failure_converter_class,
        interceptor_classes=[],
        defn=_DEFINITIONS[name],
        info=_info(workflow_id, now, name),
        randomness_seed=1,
        extern_functions={"__temporal_assert_local_activity_valid": lambda _name: None},
        disable_eager_activity_execution=True,
        worker_level_failure_exception_types=[],
        patch_activation_callback=None,
        last_completion_result=Payloads(),
        last_failure=None,
    )


def _info(workflow_id: str, now: datetime, name: str) -> workflow.Info:
    return workflow.Info(
        attempt=1,
        continued_run_id=None,
        cron_schedule=None,
        execution_timeout=None,
        first_execution_run_id=workflow_id,
        headers={},
        namespace="default",
        original_execution_run_id=workflow_id,
        parent=None,
        root=None,
        priority=Priority.default,
        raw_memo={},
        retry_policy=None,
        run_id=workflow_id,
        run_timeout=None,
        search_attributes={},
        start_time=now.astimezone(UTC),
        workflow_start_time=now.astimezone(UTC),
        task_queue=COMMANDS_QUEUE,
        task_timeout=_TASK_TIMEOUT,
        typed_search_attributes=TypedSearchAttributes([]),
        workflow_id=workflow_id,
        workflow_type=name,
    )
