"""Every call that a command workflow makes, with its timeouts and retries written out.

Reads and writes of the fleet are local activities: short, idempotent, and tried until the database
is back. What goes to a station is tried once: what a failure means is decided, not repeated.
"""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from contract import names
from contract.commands import (
    AskRequest,
    AskResult,
    Change,
    ChangeRequest,
    PrepareRequest,
    Recorded,
    Route,
    SendRequest,
    SendResult,
    SettleRequest,
    Tried,
    Weighed,
    WeighRequest,
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
    tried: Tried | None = None,
) -> Route:
    """Where the command would be sent now; records it as queued unless `look_only`."""
    route: Route = await workflow.execute_local_activity(
        names.PREPARE_COMMAND,
        PrepareRequest(command, now, look_only, timing, asked, tried),
        result_type=Route,
        start_to_close_timeout=LOOK_UP,
        retry_policy=UNTIL_IT_WORKS,
        summary=wording.brief(f"Who holds {command.station}?"),
    )
    return route


def start_sending(
    command: Command, gateway: str, request: SendRequest
) -> workflow.ActivityHandle[SendResult]:
    """Hands one frame of a command to a gateway."""
    summary = wording.frame_title(command, request.attempt, gateway, request.undo)
    return start_frame(gateway, request, summary)


def start_frame(
    gateway: str, request: SendRequest, summary: str
) -> workflow.ActivityHandle[SendResult]:
    """Hands one frame to a gateway."""
    remaining = max(request.not_after - workflow.now(), timedelta(0))
    answer = timedelta(seconds=request.answer_timeout_s)
    return workflow.start_activity(
        names.SEND_FRAME,
        request,
        result_type=SendResult,
        task_queue=names.gateway_queue(gateway),
        schedule_to_start_timeout=GATEWAY_PICKUP,
        start_to_close_timeout=remaining + answer + SLACK,
        heartbeat_timeout=GATEWAY_HEARTBEAT,
        retry_policy=ONCE,
        cancellation_type=workflow.ActivityCancellationType.TRY_CANCEL,
        summary=wording.brief(summary),
    )


async def settle(request: SendRequest, *, give_up: bool) -> SendResult:
    """Was this attempt sent? If nothing says so, it never will be."""
    result: SendResult = await workflow.execute_local_activity(
        names.SETTLE_SEND,
        SettleRequest(
            tenant=request.tenant,
            command=request.command,
            attempt=request.attempt,
            now=workflow.now(),
            give_up=give_up,
            undo=request.undo,
            station=request.station,
        ),
        result_type=SendResult,
        start_to_close_timeout=LOOK_UP,
        retry_policy=UNTIL_IT_WORKS,
        summary="Was it sent?",
    )
    return result


async def closed(request: SendRequest, result: SendResult) -> SendResult:
    """The result of a frame that may be written again, with nothing left open about it.

    A gateway that lost the database while it noted the frame did not send it, but its note may be
    there: nobody would ever answer it.
    """
    if result.cause == Cause.GATEWAY_UNREACHABLE:
        return await settle(request, give_up=True)
    return result


async def weigh(command: Command, timing: Timing, now: datetime, asked: Asked | None) -> Weighed:
    """What do all known facts mean for this command now? The decision is recorded."""
    weighed: Weighed = await workflow.execute_local_activity(
        names.WEIGH_EVIDENCE,
        WeighRequest(command.tenant, command.name, timing, now, asked),
        result_type=Weighed,
        start_to_close_timeout=LOOK_UP,
        retry_policy=UNTIL_IT_WORKS,
        summary="What do the facts mean now?",
    )
    return weighed


async def record(
    command: Command, change: Change, *, cause: str = "", detail: str = ""
) -> Recorded:
    """Writes what only the workflow knows."""
    return await _record(
        ChangeRequest(command.tenant, command.name, change, workflow.now(), cause, detail)
    )


async def record_heard(
    command: Command, attempt: int, heard: SendResult, change: Change = Change.HEARD
) -> Recorded:
    """Writes a gateway's result that the gateway could not write down itself."""
    now = workflow.now()
    return await _record(
        ChangeRequest(command.tenant, command.name, change, now, attempt=attempt, heard=heard)
    )


async def _record(request: ChangeRequest) -> Recorded:
    recorded: Recorded = await workflow.execute_local_activity(
        names.RECORD_CHANGE,
        request,
        result_type=Recorded,
        start_to_close_timeout=LOOK_UP,
        retry_policy=UNTIL_IT_WORKS,
        summary=f"Record {request.change.value}",
    )
    return recorded


async def ask(gateway: str, request: AskRequest) -> AskResult:
    """Asks the station what became of a command. A broken gateway is no reply."""
    try:
        result: AskResult = await workflow.execute_activity(
            names.ASK_STATION,
            request,
            result_type=AskResult,
            task_queue=names.gateway_queue(gateway),
            schedule_to_start_timeout=GATEWAY_PICKUP,
            start_to_close_timeout=timedelta(seconds=request.timeout_s) + SLACK,
            retry_policy=ONCE,
            summary=wording.brief(f"Ask {request.station} what happened"),
        )
    except ActivityError:
        return AskResult(asked=False)
    return result
