"""Every call that a command workflow makes, with its timeouts and retries written out.

Reads and writes of the fleet are local activities: short, idempotent, and tried until the database
is back. What goes to a station is tried once: what a failure means is decided, not repeated.
"""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from contract import activities as stubs
from contract import names
from contract.commands import (
    AskStationInput,
    AskStationResult,
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
from domain.commands import wording
from domain.commands.timing import Timing
from domain.evidence.facts import Asked
from domain.model.command import Command
from domain.model.outcomes import Cause

GATEWAY_PICKUP = timedelta(seconds=4)
"""A gateway that does not take a frame for so long is gone: the way is looked up again."""

GATEWAY_HEARTBEAT = timedelta(seconds=8)
"""A gateway that is silent for so long while it holds a frame is gone."""

SLACK = timedelta(seconds=10)
"""Added to what a gateway promised, before its promise counts as broken."""

LOOK_UP = timedelta(seconds=10)

UNTIL_IT_WORKS = RetryPolicy(
    initial_interval=timedelta(milliseconds=100),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=5),
    maximum_attempts=0,
    non_retryable_error_types=["LookupError"],  # the command is not in this database, and never was
)

ONCE = RetryPolicy(maximum_attempts=1)


async def find_route(
    command: Command,
    timing: Timing,
    now: datetime,
    asked: Asked | None,
    *,
    look_only: bool,
    tried: UnsentAttempt | None = None,
) -> PrepareCommandResult:
    """Where the command would be sent now; records it as queued unless `look_only`."""
    return await workflow.execute_local_activity(
        stubs.prepare_command,
        PrepareCommandInput(command, now, look_only, timing, asked, tried),
        start_to_close_timeout=LOOK_UP,
        retry_policy=UNTIL_IT_WORKS,
        summary=wording.brief(f"Who holds {command.station}?"),
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
    """Hands one frame to a gateway."""
    remaining = max(request.not_after - workflow.now(), timedelta(0))
    answer = timedelta(seconds=request.answer_timeout_s)
    return workflow.start_activity(
        stubs.send_frame,
        request,
        task_queue=names.gateway_queue(gateway),
        schedule_to_start_timeout=GATEWAY_PICKUP,
        start_to_close_timeout=remaining + answer + SLACK,
        heartbeat_timeout=GATEWAY_HEARTBEAT,
        retry_policy=ONCE,
        cancellation_type=workflow.ActivityCancellationType.TRY_CANCEL,
        summary=wording.brief(summary),
    )


async def settle(request: SendFrameInput, *, give_up: bool) -> SendFrameResult:
    """Was this attempt sent? If nothing says so, it never will be."""
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


async def closed(request: SendFrameInput, result: SendFrameResult) -> SendFrameResult:
    """The result of a frame that may be written again, with nothing left open about it.

    A gateway that lost the database while it noted the frame did not send it, but its note may be
    there: nobody would ever answer it.
    """
    if result.cause == Cause.GATEWAY_UNREACHABLE:
        return await settle(request, give_up=True)
    return result


async def weigh(
    command: Command, timing: Timing, now: datetime, asked: Asked | None
) -> WeighEvidenceResult:
    """What do all known facts mean for this command now? The decision is recorded."""
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
    """Writes what only the workflow knows."""
    return await _record(
        RecordChangeInput(command.tenant, command.name, change, workflow.now(), cause, detail)
    )


async def record_heard(
    command: Command, attempt: int, heard: SendFrameResult, change: ChangeKind = ChangeKind.HEARD
) -> RecordChangeResult:
    """Writes a gateway's result that the gateway could not write down itself."""
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
    """Asks the station what became of a command. A broken gateway is no reply."""
    try:
        return await workflow.execute_activity(
            stubs.ask_station,
            request,
            task_queue=names.gateway_queue(gateway),
            schedule_to_start_timeout=GATEWAY_PICKUP,
            start_to_close_timeout=timedelta(seconds=request.timeout_s) + SLACK,
            retry_policy=ONCE,
            summary=wording.brief(f"Ask {request.station} what happened"),
        )
    except ActivityError:
        return AskStationResult(asked=False)
