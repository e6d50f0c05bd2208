"""The last moments of a workflow, activation by activation: who still waits for it is answered."""

import asyncio
from datetime import timedelta

from temporalio.bridge.proto.activity_result import ActivityResolution
from temporalio.bridge.proto.workflow_activation import (
    DoUpdate,
    ResolveActivity,
    WorkflowActivationJob,
)
from temporalio.bridge.proto.workflow_commands import WorkflowCommand

from contract.commands import CancelInput, CommandInput, PrepareCommandResult, RecordChangeResult
from contract.names import CANCEL_UPDATE
from domain.commands import transitions as changes
from domain.commands.sending import SendAct
from domain.model.outcomes import Cause, ending
from tests.simulation.repeatable.virtual_time import BEGIN
from tests.simulation.servers.workflow_runs import WorkflowRun, first_job, to_payload
from tests.unit.domain.situations import stop


def cancel_job() -> WorkflowActivationJob:
    update = DoUpdate(
        id="cancel",
        protocol_instance_id="cancel",
        name=CANCEL_UPDATE,
        input=[to_payload(CancelInput("driver left"))],
    )
    return WorkflowActivationJob(do_update=update)


def resolved(seq: int, result: object) -> WorkflowActivationJob:
    resolution = ActivityResolution()
    resolution.completed.result.CopyFrom(to_payload(result))
    resolve = ResolveActivity(seq=seq, result=resolution, is_local=True)
    return WorkflowActivationJob(resolve_activity=resolve)


def kinds_of(commands: list[WorkflowCommand]) -> list[str]:
    return [str(command.WhichOneof("variant")) for command in commands]


async def test_a_cancel_that_crosses_the_end_of_its_command_is_noted_and_answered() -> None:
    command = stop()
    ended = changes.concluded(command, ending(Cause.ALREADY_ENDED), BEGIN)
    noted = changes.cancel_asked(ended, "driver left")
    run = WorkflowRun("command/acme/c1", BEGIN)
    await asyncio.sleep(0)

    run.activate([first_job("command/acme/c1", CommandInput(command), BEGIN), cancel_job()], BEGIN)
    route = PrepareCommandResult(None, revision=1, course=SendAct.CONCLUDE, outcome=ended.outcome)
    after = run.activate([resolved(1, route)], BEGIN + timedelta(seconds=1))
    assert "schedule_local_activity" in kinds_of(after)
    after = run.activate([resolved(2, RecordChangeResult(noted))], BEGIN)

    assert "complete_workflow_execution" in kinds_of(after)
    assert any(one.update_response.HasField("completed") for one in after)
