"""Every call that a callback workflow makes, with its timeouts and retries written out.

A try is one activity, made once: when the next one is due is decided by the workflow's timers, so
that no second try is under way while a first one may still be.
"""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

from contract import names
from contract.callbacks import (
    CallbackOrder,
    Due,
    NextRequest,
    PostRequest,
    PostResult,
    PostStatus,
    SettleCallback,
    Settled,
)
from domain.callbacks import DeliveryCause
from workflows.calls.commands import LOOK_UP, ONCE, UNTIL_IT_WORKS

TRY_LIMIT = timedelta(seconds=30)
"""A broker that does not come back with a try's result for so long has died with it."""


async def next_callback(order: CallbackOrder, tried: int) -> Due:
    """What is due now, from the log."""
    due: Due = await workflow.execute_local_activity(
        names.NEXT_CALLBACK,
        NextRequest(order.tenant, order.command, workflow.now(), tried),
        result_type=Due,
        start_to_close_timeout=LOOK_UP,
        retry_policy=UNTIL_IT_WORKS,
        summary="What is to be posted?",
    )
    return due


async def post(order: CallbackOrder, due: Due, tries: int) -> PostResult:
    """One try. It waits for a broker as long as there is none."""
    try:
        result: PostResult = await workflow.execute_activity(
            names.POST_CALLBACK,
            PostRequest(order.tenant, order.command, due.revision, due.id, due.news),
            task_queue=names.CALLBACKS_QUEUE,
            result_type=PostResult,
            start_to_close_timeout=TRY_LIMIT,
            retry_policy=ONCE,
            summary=f"{due.news.value} {due.revision}, try {tries}",
        )
    except ActivityError:
        return PostResult(
            PostStatus.RETRY,
            DeliveryCause.TRY_LOST.value,
            "The broker that tried it did not say what became of it.",
        )
    return result


async def settle(
    order: CallbackOrder, due: Due, result: PostResult, tries: int, next_time: datetime | None
) -> Settled:
    """Writes down what became of a try."""
    settled: Settled = await workflow.execute_local_activity(
        names.SETTLE_CALLBACK,
        SettleCallback(order.tenant, order.command, due, result, tries, workflow.now(), next_time),
        result_type=Settled,
        start_to_close_timeout=LOOK_UP,
        retry_policy=UNTIL_IT_WORKS,
        summary=f"{due.revision}: {result.status.value}",
    )
    return settled
