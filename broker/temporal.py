"""Temporal, as the broker uses it: submit a command, cancel one, change a reservation, post news.

No other module of the broker imports the SDK.

Temporal counts as down when it does not say within `temporal_timeout_s` that it took a command. A
command that only takes long is not that: the update that starts it waits for the station, and may
outlive the caller's patience. The difference is found by looking whether the workflow exists.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

import structlog
from temporalio import activity
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
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
from temporalio.worker import Worker

from broker.errors import Reason, Refusal
from broker.settings import BrokerSettings
from contract import names
from contract.callbacks import PostCallbackInput, PostCallbackResult
from contract.commands import EDITION, CancelInput, CommandInput, SubmitInput, UpdateResult
from contract.reservations import ChangeInput
from domain.commands import wording
from domain.model.command import Command, WaitFor
from domain.reservations.reservation import Reservation
from journal.reservations.starting import start_of

TemporalClient = Client
"""The SDK's client, by a name for modules that only hand it on."""

_logger = structlog.get_logger(__name__)

_STATION = SearchAttributeKey.for_keyword(names.STATION_ATTRIBUTE)
_KIND = SearchAttributeKey.for_keyword(names.KIND_ATTRIBUTE)
_TENANT = SearchAttributeKey.for_keyword(names.TENANT_ATTRIBUTE)

# Errors that do not say whether Temporal took the request. A client that connects when it is first
# used reports a refused connection as RuntimeError.
_UNCLEAR = (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError, RPCError, RuntimeError)
_EXISTS_TIMEOUT_S = 0.5
_SHORTEST_S = 0.25  # even a call without patience gives Temporal the time to take the command
_RESTART_S = 5.0
_BETWEEN_RUNS_S = 0.05  # a run hands over to the next one within a task of its workflow
# Errors that say that the request itself is wrong: a bug, and no outage.
_OURS = (RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.UNIMPLEMENTED)


class Temporal:
    """Asks Temporal for what only a workflow can do."""

    def __init__(self, client: Client, settings: BrokerSettings) -> None:
        self._client = client
        self._settings = settings

    async def submit(self, command: Command, wait_for: WaitFor, patience_s: float) -> bool:
        """Start the command's workflow, or join it, and wait a moment until `wait_for` is reached.

        True: the workflow says that it is reached. False: the command is durable in Temporal, but
        not that far in this time, or it had ended before; the log tells the rest.

        Raises: Refusal (TEMPORAL_UNAVAILABLE) when it is not known whether Temporal took it.
        """
        limit_s = self._settings.temporal_timeout_s
        try:
            async with asyncio.timeout(limit_s):
                return await self._update(
                    command, wait_for, min(limit_s, max(patience_s, _SHORTEST_S))
                )
        except _UNCLEAR as error:
            _reraise_cancellation()
            if isinstance(error, RPCError) and error.status in _OURS:
                raise
            if await self._exists(command.workflow_id):
                return False  # Temporal has it; it only takes long
            raise self._unavailable(command.name, error) from error

    async def cancel(self, command: Command, reason: str) -> None:
        """Tell the command's workflow that its caller takes it back. Idempotent.

        Does nothing when the workflow has ended. Raises: Refusal (TEMPORAL_UNAVAILABLE).
        """
        try:
            async with asyncio.timeout(self._settings.temporal_timeout_s * 1.5):
                await _asked_again(lambda: self._cancel(command.workflow_id, reason))
        except _UNCLEAR as error:
            _reraise_cancellation()
            if isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND:
                return  # it has ended
            raise self._unavailable(command.name, error) from error

    async def change(
        self, reservation: Reservation, wanted: ChangeInput, patience_s: float
    ) -> None:
        """Ask the reservation's workflow for a change, and start a run of it if none runs.

        Idempotent. Returns when the change is decided, or when it is durable in Temporal and the
        caller's patience is over.

        Raises: Refusal (TEMPORAL_UNAVAILABLE).
        """
        limit_s = max(patience_s, _SHORTEST_S)
        try:
            async with asyncio.timeout(limit_s + self._settings.temporal_timeout_s):
                await _asked_again(lambda: self._change(reservation, wanted, limit_s))
        except _UNCLEAR as error:
            _reraise_cancellation()
            if isinstance(error, RPCError) and error.status in _OURS:
                raise
            if not await self._exists(reservation.workflow_id):
                raise self._unavailable(wanted.request_id, error) from error

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
        )
        try:
            await self._client.execute_update_with_start_workflow(
                names.CHANGE_UPDATE,
                wanted,
                start_workflow_operation=operation,
                id=f"change-{wanted.request_id}",
                result_type=UpdateResult,
                rpc_timeout=timedelta(seconds=limit_s),
            )
        except (WorkflowUpdateFailedError, WorkflowAlreadyStartedError):
            _retrieve(operation)
        except BaseException:
            _retrieve(operation)
            raise

    def _unavailable(self, command: str, error: Exception) -> Refusal:
        _logger.warning(
            "temporal_unavailable",
            command=command,
            error=type(error).__name__,
            why=str(error)[:200],
        )
        return Refusal(
            Reason.TEMPORAL_UNAVAILABLE,
            "Temporal cannot be reached. Repeat the request with the same request_id.",
            retry_after=timedelta(seconds=self._settings.unavailable_retry_s),
            facts={"request_id": command},
        )

    async def _update(self, command: Command, wait_for: WaitFor, limit_s: float) -> bool:
        operation: WithStartWorkflowOperation[object, object] = WithStartWorkflowOperation(
            names.COMMAND_WORKFLOW,
            CommandInput(command, self._settings.timing, edition=EDITION),
            id=command.workflow_id,
            task_queue=names.COMMANDS_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            search_attributes=_attributes(command),
            static_summary=wording.brief(wording.title(command)),
            static_details=wording.origin(command),
        )
        try:
            await self._client.execute_update_with_start_workflow(
                names.SUBMIT_UPDATE,
                SubmitInput(wait_for),
                start_workflow_operation=operation,
                id=f"submit-{wait_for.value}",
                result_type=UpdateResult,
                rpc_timeout=timedelta(seconds=limit_s),
            )
        except (WorkflowUpdateFailedError, WorkflowAlreadyStartedError) as error:
            _logger.info("submit_found_ended", command=command.name, why=type(error).__name__)
            _retrieve(operation)
            return False
        except BaseException:
            _retrieve(operation)
            raise
        return True

    async def _cancel(self, workflow_id: str, reason: str) -> None:
        handle = self._client.get_workflow_handle(workflow_id)
        limit = timedelta(seconds=self._settings.temporal_timeout_s)
        update = await handle.start_update(
            names.CANCEL_UPDATE,
            CancelInput(reason),
            wait_for_stage=WorkflowUpdateStage.ACCEPTED,
            id="cancel",
            result_type=UpdateResult,
            rpc_timeout=limit,
        )
        # The cancel is durable now. Waiting on only lets the reply show more of its effect.
        with suppress(WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError):
            await update.result(rpc_timeout=limit / 2)
        _reraise_cancellation()

    async def _exists(self, workflow_id: str) -> bool:
        handle = self._client.get_workflow_handle(workflow_id)
        limit = timedelta(seconds=_EXISTS_TIMEOUT_S)
        try:
            async with asyncio.timeout(_EXISTS_TIMEOUT_S):
                await handle.describe(rpc_timeout=limit)
        except _UNCLEAR:
            _reraise_cancellation()
            return False
        return True


Post = Callable[[PostCallbackInput], Awaitable[PostCallbackResult]]
"""Makes one try of one delivery."""


async def serve_posts(client: TemporalClient, post: Post, settings: BrokerSettings) -> None:
    """Serve the activity that posts news, until this task is cancelled.

    A broker also starts and serves while Temporal cannot be reached; posts wait for both.
    """

    @activity.defn(name=names.POST_CALLBACK)
    async def post_callback(request: PostCallbackInput) -> PostCallbackResult:
        return await post(request)

    while True:
        try:
            await Worker(
                client,
                task_queue=names.CALLBACKS_QUEUE,
                activities=[post_callback],
                max_concurrent_activities=settings.callback_max_posts,
                graceful_shutdown_timeout=timedelta(seconds=settings.callback_timeout_s),
            ).run()
        except Exception as error:
            why = str(error).partition("\n")[0][:200]
            _logger.warning("callbacks_wait_for_temporal", why=why)
            await asyncio.sleep(_RESTART_S)


def _attributes(command: Command) -> TypedSearchAttributes:
    return TypedSearchAttributes(
        [
            SearchAttributePair(_STATION, command.station),
            SearchAttributePair(_KIND, command.kind.value),
            SearchAttributePair(_TENANT, command.tenant),
        ]
    )


def _retrieve(operation: WithStartWorkflowOperation[object, object]) -> None:
    """Take the error out of the operation, which keeps it a second time.

    Without this, asyncio reports an exception that nobody looked at.
    """
    started = asyncio.ensure_future(operation.workflow_handle())
    started.add_done_callback(lambda done: done.cancelled() or done.exception())


async def _asked_again(ask: Callable[[], Awaitable[None]]) -> None:
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
