"""Temporal, as the broker uses it: submit a command, cancel one, change a reservation.

Posts are served beside it (`broker.temporal_posts`). No other module imports the SDK.

Temporal counts as down when nothing listens at its address, or when it says nothing at all, to
nobody's call, for `temporal_timeout_s`. A Temporal that is slow makes callers wait, up to their own
deadlines. What it is is found by looking for the workflow (`broker.asking`).

A command is only started here. What becomes of it stands in the event log, and the broker waits for
it there: a workflow that nobody asks costs Temporal fewer events.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

import structlog
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateHandle,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage,
)
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from broker.asking import NobodyThere, Seen, TooSlow, ask
from broker.errors import Reason, Refusal
from broker.settings import BrokerSettings
from contract import names
from contract.attributes import keywords_of, labels_of
from contract.commands import EDITION, CancelInput, CommandInput, UpdateResult
from contract.priorities import command_priority, start_priority
from contract.reservations import ChangeInput
from domain.commands import wording
from domain.model.command import Command
from domain.reservations.reservation import Reservation
from journal.reservations.starting import start_of

TemporalClient = Client
"""The SDK's client, by a name for modules that only hand it on."""

T = TypeVar("T")

_logger = structlog.get_logger(__name__)

# Errors that may leave it open whether Temporal took the request. A client that connects when it is
# first used reports a refused connection as RuntimeError.
_UNCLEAR = (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError, RPCError, RuntimeError)
_SHORTEST_S = 0.25  # even a call without patience gives Temporal the time to take the command
_BETWEEN_RUNS_S = 0.05  # a run hands over to the next one within a task of its workflow
# Errors that say that the request itself is wrong: a bug, and no outage.
_OURS = (RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.UNIMPLEMENTED)
# What a look gets from nobody. Every other status is an answer.
_NO_WORD = (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED)
_NO_WORKFLOW = "none"  # no workflow has this id: all have a prefix
_EFFECT_S = 0.6
_TASK_TIMEOUT = timedelta(seconds=10)
"""A worker that says nothing for so long while it decides is gone, and another one decides."""

_SAID = {
    Reason.TEMPORAL_UNAVAILABLE: "Temporal cannot be reached. Repeat the request with the same "
    "request_id.",
    Reason.TEMPORAL_SLOW: "Temporal is slow, and has not said in time that it took the request; it "
    "may still take it. Repeat the request with the same request_id, and a later deadline.",
}


class Temporal:
    """Asks Temporal for what only a workflow can do."""

    def __init__(self, client: Client, settings: BrokerSettings) -> None:
        self._client = client
        self._settings = settings
        self._heard_s = 0.0  # when Temporal last answered a request or a look, whoever made it

    async def submit(self, command: Command, patience_s: float) -> None:
        """Start the command's workflow, unless it was started before. The log tells the rest.

        Where this process has a worker for commands, Temporal may hand it the first decision with
        the reply (eager start); else it goes to any worker.

        Raises: Refusal (TEMPORAL_UNAVAILABLE, TEMPORAL_SLOW): it is not known whether Temporal
        took it.
        """

        async def look() -> Seen:
            return await self._look(command.workflow_id)

        async def start(limit_s: float) -> None:
            await self._start(command, limit_s)

        await self._asked(start, look, patience_s, command.name)

    async def cancel(self, command: Command, reason: str, patience_s: float) -> None:
        """Tell the command's workflow that its caller takes it back. Idempotent.

        Does nothing when the workflow has ended. Raises: Refusal (TEMPORAL_UNAVAILABLE,
        TEMPORAL_SLOW).
        """

        async def cancel(limit_s: float) -> None:
            await _again_between_runs(lambda: self._cancel(command.workflow_id, reason, limit_s))

        await self._asked(cancel, self._look_at_all, patience_s, command.name)

    async def change(
        self, reservation: Reservation, wanted: ChangeInput, patience_s: float
    ) -> None:
        """Ask the reservation's workflow for a change, and start a run of it if none runs.

        Idempotent. Returns when the change is decided, or when it is durable in Temporal and the
        caller's patience is over.

        Raises: Refusal (TEMPORAL_UNAVAILABLE, TEMPORAL_SLOW).
        """

        async def change(limit_s: float) -> None:
            await _again_between_runs(lambda: self._change(reservation, wanted, limit_s))

        await self._asked(change, self._look_at_all, patience_s, wanted.request_id)

    async def _asked(
        self,
        request: Callable[[float], Awaitable[T]],
        look: Callable[[], Awaitable[Seen]],
        patience_s: float,
        request_id: str,
    ) -> T | None:
        """What Temporal answers; None: it has taken the request. Raises: Refusal."""
        settings = self._settings
        least_s = settings.temporal_look_s  # also a call without patience has it made durable

        async def heard(limit_s: float) -> T:
            answer = await request(limit_s)
            self._heard_s = _now_s()
            return answer

        try:
            return await ask(
                heard,
                look,
                unclear=_is_unclear,
                look_after_s=min(max(patience_s, _SHORTEST_S), least_s),
                patience_s=min(max(patience_s, least_s), settings.temporal_patience_s),
            )
        except NobodyThere as error:
            raise self._refused(Reason.TEMPORAL_UNAVAILABLE, request_id, error) from error
        except TooSlow as error:
            raise self._refused(Reason.TEMPORAL_SLOW, request_id, error) from error

    async def _look(self, workflow_id: str) -> Seen:
        """Whether the workflow exists, as far as Temporal says."""
        request = DescribeWorkflowExecutionRequest(
            namespace=self._client.namespace,
            execution=WorkflowExecution(workflow_id=workflow_id),
        )
        limit_s = self._settings.temporal_timeout_s / 2  # two looks decide
        began_s = _now_s()
        try:
            async with asyncio.timeout(limit_s):
                await self._client.workflow_service.describe_workflow_execution(
                    request, retry=False, timeout=timedelta(seconds=limit_s)
                )
        except (RPCError, TimeoutError, RuntimeError) as error:
            # A client that could not connect raises RuntimeError.
            _reraise_cancellation()
            if isinstance(error, RPCError) and error.status not in _NO_WORD:
                self._heard_s = _now_s()
                return Seen.NOT_YET
            # Who answers other calls in this time is only slow to answer this one.
            return Seen.NOT_YET if self._heard_s >= began_s else Seen.GONE
        self._heard_s = _now_s()
        return Seen.TAKEN

    async def _look_at_all(self) -> Seen:
        """Whether Temporal is there. A workflow that exists has not taken everything."""
        seen = await self._look(_NO_WORKFLOW)
        return Seen.NOT_YET if seen is Seen.TAKEN else seen

    async def _change(self, reservation: Reservation, wanted: ChangeInput, limit_s: float) -> None:
        start = start_of(reservation)
        operation: WithStartWorkflowOperation[object, object] = WithStartWorkflowOperation(
            start.workflow,
            start.argument,
            id=reservation.workflow_id,
            task_queue=start.queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            static_summary=start.summary,
            static_details=start.details,
            priority=start_priority(start.workflow, start.attributes),
        )
        limit = timedelta(seconds=limit_s)
        try:
            update = await self._client.start_update_with_start_workflow(
                names.CHANGE_UPDATE,
                wanted,
                wait_for_stage=WorkflowUpdateStage.ACCEPTED,
                start_workflow_operation=operation,
                id=f"change-{wanted.request_id}",
                result_type=UpdateResult,
                rpc_timeout=limit,
            )
        except (WorkflowUpdateFailedError, WorkflowAlreadyStartedError):
            _retrieve(operation)
            return
        except BaseException:
            _retrieve(operation)
            raise
        await _told(update, limit)  # durable by now; it is waited for, and told by the log

    def _refused(self, reason: Reason, request_id: str, error: Exception) -> Refusal:
        cause = error.__cause__ or error
        _logger.warning(
            reason.value.lower(),
            command=request_id,
            error=type(cause).__name__,
            why=str(cause)[:200],
        )
        return Refusal(
            reason,
            _SAID[reason],
            retry_after=timedelta(seconds=self._settings.unavailable_retry_s),
            facts={"request_id": request_id},
        )

    async def _start(self, command: Command, limit_s: float) -> None:
        try:
            await self._client.start_workflow(
                names.command_workflow(command.kind),
                CommandInput(command, self._settings.timing, edition=EDITION),
                id=command.workflow_id,
                task_queue=names.COMMANDS_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                task_timeout=_TASK_TIMEOUT,
                search_attributes=attributes_of(
                    command, re.split(r"[\s,]+", self._settings.index_labels)
                ),
                static_summary=wording.brief(wording.title(command)),
                static_details=wording.origin(command),
                priority=command_priority(command.kind, command.tenant),
                request_eager_start=self._settings.eager_start,
                rpc_timeout=timedelta(seconds=limit_s),
            )
        except WorkflowAlreadyStartedError:
            _logger.info("submit_found_ended", command=command.name)

    async def _cancel(self, workflow_id: str, reason: str, limit_s: float) -> None:
        handle = self._client.get_workflow_handle(workflow_id)
        try:
            update = await handle.start_update(
                names.CANCEL_UPDATE,
                CancelInput(reason),
                wait_for_stage=WorkflowUpdateStage.ACCEPTED,
                id="cancel",
                result_type=UpdateResult,
                rpc_timeout=timedelta(seconds=limit_s),
            )
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return  # it has ended
            raise
        # The cancel is durable now. Waiting on only lets the reply show more of its effect.
        await _told(update, timedelta(seconds=min(limit_s, _EFFECT_S)))


def attributes_of(command: Command, indexed: Collection[str] = ()) -> TypedSearchAttributes:
    """What a command is found by from its start. indexed: the keys of the labels to find it by."""
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(SearchAttributeKey.for_keyword(name), value)
        for name, value in keywords_of(command).items()
    ]
    labels = labels_of(command, indexed)
    if labels:
        key = SearchAttributeKey.for_keyword_list(names.LABELS_ATTRIBUTE)
        pairs.append(SearchAttributePair(key, labels))
    return TypedSearchAttributes(pairs)


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _is_unclear(error: BaseException) -> bool:
    """Whether an error of a request leaves it open that Temporal took it."""
    wrong = isinstance(error, RPCError) and error.status in _OURS
    return isinstance(error, _UNCLEAR) and not wrong


def _retrieve(operation: WithStartWorkflowOperation[object, object]) -> None:
    """Take the error out of the operation, which keeps it a second time.

    Without this, asyncio reports an exception that nobody looked at.
    """
    started = asyncio.ensure_future(operation.workflow_handle())
    started.add_done_callback(lambda done: done.cancelled() or done.exception())


async def _told(update: WorkflowUpdateHandle[UpdateResult], limit: timedelta) -> None:
    """Wait for the result of an update that Temporal has taken; not longer than this."""
    with suppress(WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError):
        await update.result(rpc_timeout=limit)
    _reraise_cancellation()


async def _again_between_runs(ask: Callable[[], Awaitable[None]]) -> None:
    """Ask, and ask again while the workflow hands over to its next run: it drops updates then.

    The caller limits the time.
    """
    while True:
        try:
            return await ask()
        except RPCError as error:
            between = error.status is RPCStatusCode.FAILED_PRECONDITION
            if not between and "workflow is closing" not in error.message:
                raise
        await asyncio.sleep(_BETWEEN_RUNS_S)


def _reraise_cancellation() -> None:
    """Raise CancelledError again where the SDK turned a cancelled call into its own error."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
