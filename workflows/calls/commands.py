"""Every call that a command workflow makes, with its timeouts and retries written out.

Reads and writes of the fleet are local activities: short, idempotent, and tried until the database
is back. What goes to a station is tried once: what a failure means is decided, not repeated.
"""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

from contract import activities as stubs
from contract import names
from contract.commands import (
    ChangeKind,
    PrepareCommandInput,
    PrepareCommandResult,
    RecordChangeInput,
    RecordChangeResult,
    SendFrameInput,
    SendFrameResult,
    SettleSendInput,
    UnsentAttempt,
    WeighEvidenceInput,
    WeighEvidenceResult,
)
from contract.questions import AskStationInput, AskStationResult
from domain.commands import wording
from domain.commands.timing import Timing
from domain.evidence.facts import Asked
from domain.model.command import Command
from domain.model.outcomes import Cause
from workflows.calls.retries import ONCE, UNTIL_IT_WORKS
from workflows.limits import GATEWAY_HEARTBEAT, GATEWAY_PICKUP, GATEWAY_SLACK, LOOK_UP


async def prepare(
    command: Command,
    timing: Timing,
    now: datetime,
    asked: Asked | None,
    *,
    look_only: bool,
    tried: UnsentAttempt | None,
    attempt: int,
    hand_over: bool,
) -> PrepareCommandResult:
    """Finds the station's gateway; records the command as queued unless `look_only`.

    attempt: of the command's frame that comes next; 0: none. hand_over: hands it over at once.
    """
    asks = f"Who holds {command.station}?"
    summary = wording.handing_title(command, attempt) if hand_over else wording.brief(asks)
    return await workflow.execute_local_activity(
        stubs.prepare_command,
        PrepareCommandInput(command, now, look_only, timing, asked, tried, attempt, hand_over),
        start_to_close_timeout=LOOK_UP,
        retry_policy=UNTIL_IT_WORKS,
        summary=summary,
    )


def start_sending(
    command: Command, gateway: str, request: SendFrameInput
) -> workflow.ActivityHandle[SendFrameResult]:
    """Hands one frame of a command to a gateway."""
    summary = wording.frame_title(command, request.attempt, gateway, request.undo)
    return start_frame(gateway, request, summary)


def start_frame(
    gateway: str, request: SendFrameInput, summary: str
) -> workflow.ActivityHandle[SendFrameResult]:
    """Hands one frame to a gateway, on the gateway's own task queue."""
    remaining = max(request.not_after - workflow.now(), timedelta(0))
    answer = timedelta(seconds=request.answer_timeout_s)
    return workflow.start_activity(
        stubs.send_frame,
        request,
        task_queue=names.gateway_queue(gateway),
        schedule_to_start_timeout=GATEWAY_PICKUP,
        start_to_close_timeout=remaining + answer + GATEWAY_SLACK,
        heartbeat_timeout=GATEWAY_HEARTBEAT,
        retry_policy=ONCE,
        cancellation_type=workflow.ActivityCancellationType.TRY_CANCEL,
        summary=wording.brief(summary),
    )


async def settle(request: SendFrameInput, *, give_up: bool) -> SendFrameResult:
    """Decides whether this attempt was sent: if nothing says so, it never will be."""
    return await workflow.execute_local_activity(
        stubs.settle_send,
        SettleSendInput(
            tenant=request.tenant,
            command=request.command,
            attempt=request.attempt,
            now=workflow.now(),
            give_up=give_up,
            undo=request.undo,
            station=request.station,
        ),
        start_to_close_timeout=LOOK_UP,
        retry_policy=UNTIL_IT_WORKS,
        summary="Was it sent?",
    )


async def close_if_unsent(request: SendFrameInput, result: SendFrameResult) -> SendFrameResult:
    """The result of a frame that may be written again, with no intent left open.

    A gateway that lost the database while it wrote the intent did not send the frame. The intent
    may be in the database all the same, and nobody would ever answer it: so it is settled.
    """
    if result.cause == Cause.GATEWAY_UNREACHABLE:
        return await settle(request, give_up=True)
    return result


async def weigh(
    command: Command, timing: Timing, now: datetime, asked: Asked | None
) -> WeighEvidenceResult:
    """Decides what all known facts mean for this command now. The decision is recorded."""
    return await workflow.execute_local_activity(
        stubs.weigh_evidence,
        WeighEvidenceInput(command.tenant, command.name, timing, now, asked),
        start_to_close_timeout=LOOK_UP,
        retry_policy=UNTIL_IT_WORKS,
        summary="What do the facts mean now?",
    )


async def record(
    command: Command, change: ChangeKind, *, cause: str = "", detail: str = ""
) -> RecordChangeResult:
    """Records what only the workflow knows."""
    return await _record(
        RecordChangeInput(command.tenant, command.name, change, workflow.now(), cause, detail)
    )


async def record_heard(
    command: Command,
    attempt: int,
    heard: SendFrameResult,
    change: ChangeKind = ChangeKind.HEARD,
) -> RecordChangeResult:
    """Records the result of a frame that the gateway could not record itself."""
    now = workflow.now()
    return await _record(
        RecordChangeInput(command.tenant, command.name, change, now, attempt=attempt, heard=heard)
    )


async def _record(request: RecordChangeInput) -> RecordChangeResult:
    return await workflow.execute_local_activity(
        stubs.record_change,
        request,
        start_to_close_timeout=LOOK_UP,
        retry_policy=UNTIL_IT_WORKS,
        summary=f"Record {request.change.value}",
    )


async def ask(gateway: str, request: AskStationInput) -> AskStationResult:
    """Asks the station what became of a command. A broken gateway counts as no reply."""
    try:
        return await workflow.execute_activity(
            stubs.ask_station,
            request,
            task_queue=names.gateway_queue(gateway),
            schedule_to_start_timeout=GATEWAY_PICKUP,
            start_to_close_timeout=timedelta(seconds=request.timeout_s) + GATEWAY_SLACK,
            retry_policy=ONCE,
            summary=wording.brief(f"Ask {request.station} what happened"),
        )
    except ActivityError:
        return AskStationResult(asked=False)
